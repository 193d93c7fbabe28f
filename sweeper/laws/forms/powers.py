"""A power law whose exponent may have either sign and pass through 0, where it is the logarithm."""

import numpy as np

from sweeper.laws.arrays import Floats

_SMALL = 1e-4
"""Exponents below this are taken by their series: the formula is 0/0 at 0."""


def box_cox(log_x: Floats, s: Floats) -> tuple[Floats, Floats]:
    """(x^s - 1)/s, ln x at s = 0, rising in x for every s, and its derivative by s; arguments broadcast.

    a x^s + b is a s times this plus a + b: what differs is that neither amplitude runs away as s goes through 0.
    """
    small = np.abs(s) < _SMALL
    safe = np.where(small, 1.0, s)
    power = np.exp(safe * log_x)
    value = np.where(small, log_x + s * log_x**2 / 2.0, (power - 1.0) / safe)
    by_s = np.where(small, log_x**2 / 2.0 + s * log_x**3 / 3.0, (log_x * power - (power - 1.0) / safe) / safe)
    return value, by_s
