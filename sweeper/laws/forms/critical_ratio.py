"""CMR's law of the critical mixture ratio: the largest domain share that keeps general loss within its limit.

    R(T) = a T^s + b

T is the number of training tokens in units of the law; R is cut to [0, 1]. Source: Gu et al., EMNLP 2024, arXiv
2407.17467, table 5, whose T counts units of 0.2 billion tokens. Its coefficients are those of one size each: no law
joins them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError

CMR_UNIT = 0.2e9
"""Tokens in one unit of the published T."""


@dataclass(frozen=True)
class CriticalRatio:
    """Coefficients of one model size."""

    a: float
    s: float
    b: float
    unit: float = CMR_UNIT
    """Tokens that T counts."""

    def at(self, tokens: ArrayLike) -> Floats:
        """The critical domain ratio after so many tokens, 0 to 1.

        Raises:
            LawError: tokens that are not above 0.
        """
        counted = np.asarray(tokens, dtype=np.float64) / self.unit
        if not np.all(counted > 0):
            raise LawError(f"tokens: {counted.min() * self.unit:g} is not above 0; a run has some length")
        return np.asarray(np.clip(self.a * counted**self.s + self.b, 0.0, 1.0))


def fit_critical_ratio(tokens: Floats, ratios: Floats) -> CriticalRatio:
    """The least-squares law through measured critical ratios.

    Given s, a and b are a line; s is looked for on a grid of both signs, then refined. With s near 0 a and b are large
    and opposite, as in the published table: only their sum is well determined.

    Args:
        tokens: (n,) training tokens, three different ones at least.
        ratios: (n,) critical domain ratios.

    Raises:
        LawError: fewer than three different numbers of tokens.
    """
    if len(np.unique(tokens)) < 3:
        raise LawError(f"tokens: {len(np.unique(tokens))} different numbers; a critical-ratio law needs three or more")
    unit = float(np.max(tokens))
    grid = np.linspace(-2.005, 1.995, 401)
    for width in (0.01, 1e-4, 1e-6):
        best = grid[np.argmin([_line(tokens / unit, ratios, s)[1] for s in grid])]
        grid = np.linspace(best - width, best + width, 202)
    (a, b), _ = _line(tokens / unit, ratios, float(best))
    return CriticalRatio(a, float(best), b, unit)


def _line(x: Floats, y: Floats, s: float) -> tuple[tuple[float, float], float]:
    """The best a and b for an exponent, and the sum of squares that they leave."""
    design = np.stack([x**s, np.ones(len(x))], axis=1)
    found = np.linalg.lstsq(design, y, rcond=None)[0]
    return (float(found[0]), float(found[1])), float(np.sum((design @ found - y) ** 2))
