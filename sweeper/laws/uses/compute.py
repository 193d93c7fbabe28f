"""Which size, tokens and ratio, for given compute: 6 N D is fixed, so that a smaller model trains on more tokens.

Use 3 of the D-CPT law (arXiv 2406.01375): min over (N, D) with 6 N D = C of L_domain.
"""

from collections.abc import Sequence

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.forms.law import MIN_SIZES_FOR_POWERS
from sweeper.laws.uses.choice import Question, choose
from sweeper.laws.uses.limits import Constraint
from sweeper.laws.uses.options import options_of, searched_ratios, within_reach
from sweeper.laws.uses.recommendation import Recommendation

_RATIOS = 121
_SIZES = 9
FLOPS_PER_TOKEN = 6.0
"""Of training, for each parameter."""


def recommend_compute(
    fits: LawSet,
    *,
    target: str,
    flops: float,
    ratio: float | None = None,
    constraint: Constraint | None = None,
    sizes: Sequence[float] | None = None,
    low: float = 0.0,
    high: float = 1.0,
    confidence: float | None = None,
) -> Recommendation:
    """The size, tokens and ratio with the lowest target loss at 6 N D = `flops`.

    Sizes that would need more than twice their measured tokens are left out, and that is noted. The answer's `curve`
    has one entry a size: its best ratio. A base loss of None in the constraint is that of each size.

    Args:
        fits: The laws.
        target: Corpus whose loss is minimised.
        flops: Of the run to come.
        ratio: The domain ratio, where it is settled; searched where left out.
        constraint: As in `recommend_tradeoff`; none where it is left out.
        sizes: To choose from. Left out: the measured ones, and from three on a grid between the least and the largest.
        low: Smallest ratio to consider.
        high: Largest.
        confidence: As in `recommend_tradeoff`.

    Raises:
        LawError: as `recommend_tradeoff`, or no compute.
    """
    if not flops > 0:
        raise LawError(f"flops: {flops:g} is not above 0")
    if ratio is not None:
        low = high = ratio
    ratios = searched_ratios(fits, low, high, _RATIOS)
    wanted = _sizes(fits, target) if sizes is None else np.asarray(sizes, dtype=np.float64)
    if wanted.size == 0:
        raise LawError("sizes: none is given; leave it out to choose among the measured ones")
    options = options_of(ratios[None, :], flops / (FLOPS_PER_TOKEN * wanted[:, None]), wanted[:, None])
    options, notes = within_reach(fits, target, options)
    return choose(Question("compute", fits, target, constraint or {}, options, confidence, tuple(notes)))


def _sizes(fits: LawSet, target: str) -> Floats:
    measured = np.sort(list(fits.corpus(target).max_tokens))
    if len(measured) < MIN_SIZES_FOR_POWERS:
        return np.asarray(measured)
    return np.unique(np.concatenate([measured, np.geomspace(measured[0], measured[-1], _SIZES)]))
