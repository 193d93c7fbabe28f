"""Which ratio, where the domain corpus is limited: D = D_domain / r, so that a smaller share trains on more tokens.

Use 2 of the D-CPT law (arXiv 2406.01375): min over r of L_domain(N, D_d / r, r). Where the laws know what repeated text
is worth, it may be passed over several times: D = e D_domain / r with e epochs.
"""

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.uses.choice import Question, choose
from sweeper.laws.uses.limits import Constraint
from sweeper.laws.uses.options import Options, options_of, searched_ratios, within_reach
from sweeper.laws.uses.recommendation import Recommendation

_GRID = 401
_EPOCHS = 7
"""Numbers of epochs that are tried, evenly in their logarithms."""


def recommend_limited_domain(
    fits: LawSet,
    *,
    target: str,
    domain_tokens: float,
    params: float,
    low: float = 0.0,
    high: float = 1.0,
    constraint: Constraint | None = None,
    confidence: float | None = None,
    max_epochs: float = 1.0,
) -> Recommendation:
    """The ratio at which all domain tokens, trained on once or more often, give the lowest target loss.

    Every ratio uses the same domain tokens, so total tokens are `epochs * domain_tokens / ratio`. Ratios that need more
    than twice the measured tokens are left out, and that is noted. `tokens` and `tokens_interval` of the answer are
    total.

    Args:
        fits: The laws.
        target: The limited corpus; its loss is minimised.
        domain_tokens: How many tokens of it there are.
        params: Size of the run to come.
        low: Smallest ratio to consider.
        high: Largest.
        constraint: As in `recommend_tradeoff`; none where it is left out.
        confidence: As in `recommend_tradeoff`.
        max_epochs: How often the domain's text may be passed over; above 1 the laws have to know repeated text.

    Raises:
        LawError: as `recommend_tradeoff`, a target that `domain_ratio` is not the share of, or repeated text that the
            laws take for fresh.
    """
    if target != fits.target:
        raise LawError(f"target: the share of {target!r} is not the domain ratio; allowed is {fits.target!r}")
    ratios = searched_ratios(fits, low, high, _GRID)
    ratios = ratios[ratios > 0]
    if ratios.size == 0:
        raise LawError("domain_ratio: no ratio above 0 was measured; without domain tokens there is nothing to choose")
    epochs = _epochs(max_epochs)
    tokens = epochs * domain_tokens / ratios
    options, notes = within_reach(fits, target, options_of(ratios, tokens, params, epochs))
    if max_epochs > 1:
        _check_knows_repeats(fits, options)
    return choose(Question("limited-domain", fits, target, constraint or {}, options, confidence, tuple(notes)))


def _epochs(most: float) -> Floats:
    """(k, 1) numbers of epochs from 1 to the most."""
    if not (np.isfinite(most) and most >= 1):
        raise LawError(f"max_epochs: {most:g} is not allowed; 1 passes over the domain's text once")
    return np.geomspace(1.0, most, _EPOCHS if most > 1 else 1)[:, None]


def _check_knows_repeats(fits: LawSet, options: Options) -> None:
    """A law to which half the text fresh is as good as all of it takes repeated text for fresh."""

    def at(passes: float) -> float:
        return float(
            fits.predict(
                fits.target,
                tokens=options.tokens[0],
                params=options.params[0],
                domain_ratio=options.domain_ratio[0],
                unique_tokens=options.tokens[0] / passes,
            ).loss
        )

    if at(1.0) == at(2.0):
        raise LawError(
            f"max_epochs: the law of {fits.target} takes repeated text for fresh; leave it at 1, or fit a law that "
            "knows repeated text, such as `anchored` or `dcpt-repeats`"
        )
