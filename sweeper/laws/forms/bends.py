"""The curves that the anchored law is made of, with their derivatives; all arrays broadcast to (m, n)."""

import numpy as np

from sweeper.laws.arrays import Floats

_SMALL = 1e-4
"""Exponents below this are taken by their series: the formulas are 0/0 at 0."""


def share_floor(ln_epsilon: Floats, share: Floats) -> tuple[Floats, Floats]:
    """x = (r + eps)/(1 + eps), above 0 also where a corpus is in no mixture, and its derivative by ln eps."""
    eps = np.exp(ln_epsilon)
    return (share + eps) / (1.0 + eps), eps * (1.0 - share) / (1.0 + eps) ** 2


def bend(x: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """h = (x^-s - 1)/s, -ln x at s = 0, and its derivatives by s and x."""
    log_x = np.log(x)
    small = np.abs(s) < _SMALL
    safe = np.where(small, 1.0, s)
    power = np.exp(-safe * log_x)
    h = np.where(small, -log_x + s * log_x**2 / 2, (power - 1.0) / safe)
    h_s = np.where(small, log_x**2 / 2 - s * log_x**3 / 3, (-log_x * power - (power - 1.0) / safe) / safe)
    return np.maximum(h, 0.0), h_s, -np.exp(-s * log_x) / x


def slow_gain(z: Floats, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """g = (1 - (1 + z)^-beta)/beta, ln(1 + z) at beta = 0, and its derivatives by beta and z."""
    log_z = np.log1p(z)
    small = np.abs(beta) < _SMALL
    safe = np.where(small, 1.0, beta)
    power = np.exp(-safe * log_z)
    gain = np.where(small, log_z - beta * log_z**2 / 2, (1.0 - power) / safe)
    by_beta = np.where(small, -(log_z**2) / 2 + beta * log_z**3 / 3, (log_z * power - (1.0 - power) / safe) / safe)
    return gain, by_beta, np.exp(-(beta + 1.0) * log_z)
