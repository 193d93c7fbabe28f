"""The best of rates that were tried, where worse ones lie on both sides: what a fitted valley must not contradict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_CLEAR = 2.0
"""Standard errors by which a side has to be worse."""


@dataclass(frozen=True)
class Bracket:
    """Rates between which the best one lies."""

    low: float
    high: float
    best: float
    """The lowest point of the parabola in the logarithm through the best rate tried and the two ends."""

    def __contains__(self, rate: float) -> bool:
        return self.low <= rate <= self.high

    @property
    def sd(self) -> float:
        """Of the logarithm: a quarter of what lies between the ends."""
        return math.log(self.high / self.low) / 4.0


def bracket(rates: Sequence[float], losses: Sequence[float], noise: float) -> Bracket | None:
    """The nearest rates on each side of the best that are worse by more than noise; None where a side has none.

    Args:
        rates: Learning rates tried at one size, method and rank.
        losses: Their log losses, with what ratio and tokens do to them taken out.
        noise: Standard deviation of a log loss.
    """
    if not rates:
        return None
    place = min(range(len(rates)), key=lambda i: losses[i])
    clear = losses[place] + _CLEAR * math.sqrt(2.0) * noise
    below = [i for i in range(len(rates)) if rates[i] < rates[place] and losses[i] > clear]
    above = [i for i in range(len(rates)) if rates[i] > rates[place] and losses[i] > clear]
    if not below or not above:
        return None
    low, high = max(below, key=lambda i: rates[i]), min(above, key=lambda i: rates[i])
    points = [(math.log(rates[i]), losses[i]) for i in (low, place, high)]
    return Bracket(rates[low], rates[high], math.exp(_vertex(points)))


def _vertex(points: Sequence[tuple[float, float]]) -> float:
    """Where the parabola through three points, the middle one the lowest, is lowest."""
    (x0, y0), (x1, y1), (x2, y2) = points
    left, right = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    return (x0 + x1) / 2 - left * (x2 - x0) / (2 * (right - left))
