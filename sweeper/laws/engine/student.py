"""Multivariate Student's t: proposals with tails heavier than what they propose for."""

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np

from sweeper.laws.arrays import Floats

_DOF = 6.0


@dataclass(frozen=True)
class Student:
    """Draws and densities about a center (d,) with a root of the scale matrix (d, d): scale = root root'."""

    center: Floats
    root: Floats

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, d)"""
        return np.asarray(self.center + standard_draws(rng, count, len(self.center)) @ self.root.T)

    def log_density(self, at: Floats) -> Floats:
        """(m,) of points (m, d)."""
        standard = np.linalg.solve(self.root, (at - self.center).T).T
        return np.asarray(standard_log_density(np.asarray(standard)) - np.linalg.slogdet(self.root)[1])


def standard_draws(rng: np.random.Generator, count: int, size: int) -> Floats:
    """(count, size) about 0 with unit scale; no columns where size is 0."""
    return np.asarray(rng.standard_normal((count, size)) / np.sqrt(rng.chisquare(_DOF, (count, 1)) / _DOF))


def standard_log_density(at: Floats) -> Floats:
    """(m,) log density of `standard_draws`."""
    size = at.shape[1]
    constant = lgamma((_DOF + size) / 2) - lgamma(_DOF / 2) - size / 2 * log(_DOF * pi)
    return np.asarray(constant - (_DOF + size) / 2 * np.log1p(np.sum(at**2, axis=1) / _DOF))
