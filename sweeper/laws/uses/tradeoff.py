"""Which ratio, for given tokens: the lowest target loss among the ratios that hold the constraint.

Use 1 of the D-CPT law (arXiv 2406.01375): min L_domain over r, subject to L_general <= (1 + T) L_general(base).
"""

from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.uses.choice import Question, choose
from sweeper.laws.uses.limits import Constraint
from sweeper.laws.uses.options import options_of, searched_ratios
from sweeper.laws.uses.recommendation import Recommendation

_GRID = 401


def recommend_tradeoff(
    fits: LawSet,
    *,
    target: str,
    constraint: Constraint,
    tokens: float,
    params: float,
    low: float = 0.0,
    high: float = 1.0,
    confidence: float | None = None,
) -> Recommendation:
    """The ratio with the lowest predicted target loss among those whose predicted constrained losses stay in bounds.

    Ratios are searched within what was measured: there is no extrapolation in ratio. Where none holds the constraint
    the ratio that comes nearest is given, and said not to be trusted. Where none holds it with the confidence asked,
    ratios whose probability is within 0.05 of the largest are alike, and the one with the lowest target loss is given.

    Args:
        fits: The laws.
        target: Corpus whose loss is minimised.
        constraint: Corpus to (base loss, max increase): its loss must stay within (1 + max increase) * base loss; a
            base loss of None is the measured one.
        tokens: Training tokens of the run to come.
        params: Its size.
        low: Smallest ratio to consider.
        high: Largest.
        confidence: In place of the point prediction, the least probability with which a single run must hold them.

    Raises:
        LawError: a corpus without a law, or bounds without a measured ratio between them.
    """
    options = options_of(searched_ratios(fits, low, high, _GRID), tokens, params)
    return choose(Question("tradeoff", fits, target, constraint, options, confidence))
