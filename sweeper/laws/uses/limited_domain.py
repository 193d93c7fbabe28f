"""Which ratio, where the domain corpus is limited: D = D_domain / r, so that a smaller share trains on more tokens.

Use 2 of the D-CPT law (arXiv 2406.01375): min over r of L_domain(N, D_d / r, r).
"""

import numpy as np

from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.uses.choice import Question, choose
from sweeper.laws.uses.limits import Constraint
from sweeper.laws.uses.options import options_of, searched_ratios, within_reach
from sweeper.laws.uses.recommendation import Recommendation

_GRID = 401


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
) -> Recommendation:
    """The ratio at which all domain tokens, trained on once, give the lowest target loss.

    Every ratio uses the same domain tokens, so total tokens are `domain_tokens / ratio`. Ratios that need more than
    twice the measured tokens are left out, and that is noted. `tokens` and `tokens_interval` of the answer are total.

    Args:
        fits: The laws.
        target: The limited corpus; its loss is minimised.
        domain_tokens: How many tokens of it there are.
        params: Size of the run to come.
        low: Smallest ratio to consider.
        high: Largest.
        constraint: As in `recommend_tradeoff`; none where it is left out.
        confidence: As in `recommend_tradeoff`.

    Raises:
        LawError: as `recommend_tradeoff`, or a target that `domain_ratio` is not the share of.
    """
    if target != fits.target:
        raise LawError(f"target: the share of {target!r} is not the domain ratio; allowed is {fits.target!r}")
    ratios = searched_ratios(fits, low, high, _GRID)
    ratios = ratios[ratios > 0]
    if ratios.size == 0:
        raise LawError("domain_ratio: no ratio above 0 was measured; without domain tokens there is nothing to choose")
    options = options_of(ratios, np.asarray(domain_tokens / ratios), params)
    options, notes = within_reach(fits, target, options)
    return choose(Question("limited-domain", fits, target, constraint or {}, options, confidence, tuple(notes)))
