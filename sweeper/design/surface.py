"""The surface of a corpus' loss over settings and tokens: a Gaussian process with a population of hyperparameters.

With a dozen short runs no single choice of lengths and scales is right. A population of them is moved by differential
evolution Markov chains (ter Braak 2006, Statistics and Computing 16:239), and what its members say is pooled by its
first two moments.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.design.axes import Axis
from sweeper.design.kernel import Prior, Rows, covariance, noise_variance, variance
from sweeper.laws.arrays import Floats

POPULATION = 12
_FIRST_MOVES = 25
_MOVES = 3
_SMALL = 1e-6
"""Added to variances, in units of the losses' spread: what keeps a covariance invertible."""


@dataclass(frozen=True)
class Prospect:
    """What is expected of d decisions, and what m measurements would say about them."""

    mean: Floats
    """(d,) nats."""
    spread: Floats
    """(d,) standard deviations, nats."""
    shift: Floats
    """(m, d) by how much the decisions' means rise where a measurement comes out a standard deviation high, nats."""


class Surface:
    """The losses of one corpus.

    Args:
        axes: Of the space.
        seed: Of the chains; the same measurements in the same order give the same surface.
    """

    def __init__(self, axes: tuple[Axis, ...], seed: int) -> None:
        self._axes, self._prior = axes, Prior.of(axes)
        self._rng = np.random.default_rng(seed)
        self._population = self._prior.draw(POPULATION, self._rng)
        self._moves = _FIRST_MOVES
        self._center, self._scale = 0.0, 1.0
        self._rows: Rows | None = None
        self._factor = self._y = np.zeros(0)

    def learn(self, rows: Rows, losses: Floats) -> None:
        """Take in all measurements there are.

        Args:
            rows: Where.
            losses: (rows,) nats; far above the others they count by their logarithm, as nobody asks how bad bad is.
        """
        self._take_in(rows, losses)
        density = self._log_density(self._population)
        for _ in range(self._moves):
            density = self._move(density)
        self._moves = _MOVES
        self._factor = self._whitening(self._population)

    def suppose(self, rows: Rows, losses: Floats) -> None:
        """Take in measurements some of which are only supposed: hyperparameters learn nothing from them."""
        self._take_in(rows, losses)
        self._factor = self._whitening(self._population)

    def _take_in(self, rows: Rows, losses: Floats) -> None:
        tamed = tame(losses)
        self._rows, self._center = rows, float(np.median(tamed))
        self._scale = max(float(np.std(tamed)), 1e-3)
        self._y = (tamed - self._center) / self._scale

    def levels(self, places: Rows) -> tuple[Floats, Floats]:
        """(k,) means and standard deviations of the loss, nats, without the noise of a measurement."""
        across = self._across(places)
        means = np.einsum("mnk,mn->mk", across, self._white())
        left = self._left(places, across)
        return (
            self._center + self._scale * means.mean(axis=0),
            self._scale * np.sqrt(left.mean(axis=0) + means.var(axis=0)),
        )

    def prospect(self, decisions: Rows, measured: Rows) -> Prospect:
        """What measurements would say about decisions."""
        a, b = self._across(decisions), self._across(measured)
        white = self._white()
        mean_a, mean_b = np.einsum("mnk,mn->mk", a, white), np.einsum("mnk,mn->mk", b, white)
        left_a, left_b = self._left(decisions, a), self._left(measured, b)
        left_b = left_b + noise_variance(self._axes, self._population)[:, None]
        shared = covariance(self._axes, self._population, decisions, measured) - np.swapaxes(a, 1, 2) @ b
        away_a, away_b = mean_a - mean_a.mean(axis=0), mean_b - mean_b.mean(axis=0)
        pooled = shared.mean(axis=0) + away_a.T @ away_b / len(white)
        outcome = left_b.mean(axis=0) + mean_b.var(axis=0)
        return Prospect(
            mean=self._center + self._scale * mean_a.mean(axis=0),
            spread=self._scale * np.sqrt(left_a.mean(axis=0) + mean_a.var(axis=0)),
            shift=self._scale * (pooled / np.sqrt(outcome)).T,
        )

    def draws(self, places: Rows, count: int, rng: np.random.Generator) -> Floats:
        """(count, k) losses in so many possible worlds, nats; `count` is a multiple of the population."""
        across = self._across(places)
        means = np.einsum("mnk,mn->mk", across, self._white())
        prior = covariance(self._axes, self._population, places, places)
        values, vectors = np.linalg.eigh(prior - np.swapaxes(across, 1, 2) @ across)
        roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        normal = rng.standard_normal((len(means), count // len(means), len(places.u)))
        worlds = means[:, None, :] + normal @ np.swapaxes(roots, 1, 2)
        return np.asarray(self._center + self._scale * worlds.reshape(-1, len(places.u)))

    def _left(self, places: Rows, across: Floats) -> Floats:
        """(population, k) variance that the measurements leave."""
        prior = variance(self._axes, self._population, places)
        return np.asarray(np.maximum(prior - np.einsum("mnk,mnk->mk", across, across), 0.0))

    def _across(self, places: Rows) -> Floats:
        """(population, rows, k) whitened covariances of what was measured with what is asked."""
        assert self._rows is not None  # nothing is asked of a surface that has learnt nothing
        return np.asarray(self._factor @ covariance(self._axes, self._population, self._rows, places))

    def _white(self) -> Floats:
        return np.asarray(self._factor @ self._y)

    def _whitening(self, theta: Floats) -> Floats:
        """(population, rows, rows) inverse Cholesky factors."""
        factor = np.linalg.cholesky(self._measured(theta))
        return np.asarray(np.linalg.inv(factor))

    def _measured(self, theta: Floats) -> Floats:
        assert self._rows is not None
        found = covariance(self._axes, theta, self._rows, self._rows)
        return found + (noise_variance(self._axes, theta) + _SMALL)[:, None, None] * np.eye(len(self._y))

    def _log_density(self, theta: Floats) -> Floats:
        factor = np.linalg.cholesky(self._measured(theta))
        white = np.linalg.solve(factor, np.broadcast_to(self._y[:, None], (len(theta), len(self._y), 1)))[..., 0]
        diagonal = np.diagonal(factor, axis1=1, axis2=2)
        fit = -0.5 * np.sum(white**2, axis=1) - np.sum(np.log(diagonal), axis=1)
        return np.asarray(fit + self._prior.log_density(theta))

    def _move(self, density: Floats) -> Floats:
        """Two steps of every chain, one along the others' differences, one in few axes; the densities after it."""
        return self._take(self._few(), self._take(self._along(), density))

    def _take(self, proposed: Floats, density: Floats) -> Floats:
        """Go where a chain may (Metropolis)."""
        found = self._log_density(proposed)
        taken = np.log(self._rng.random(len(density))) < found - density
        self._population = np.where(taken[:, None], proposed, self._population)
        return np.where(taken, found, density)

    def _along(self) -> Floats:
        count, size = self._population.shape
        others = np.array([self._rng.choice(count - 1, 2, replace=False) for _ in range(count)])
        others += others >= np.arange(count)[:, None]
        jump = 2.38 / np.sqrt(2 * size) * (self._population[others[:, 0]] - self._population[others[:, 1]])
        return np.asarray(self._population + jump + 0.02 * self._rng.standard_normal((count, size)))

    def _few(self) -> Floats:
        """A population spans fewer directions than there may be axes; these steps reach the others."""
        shape = self._population.shape
        moved = self._rng.random(shape) < 2.0 / shape[1]
        return np.asarray(self._population + 0.5 * moved * self._prior.spread * self._rng.standard_normal(shape))


def tame(losses: Floats) -> Floats:
    """(rows,) losses, those far above the median drawn in by a logarithm; their order stays."""
    middle, best = float(np.median(losses)), float(np.min(losses))
    width = max(middle - best, 0.05)
    start = middle + 2 * width
    over = np.maximum(losses - start, 0.0)
    return np.where(losses > start, start + width * np.log1p(over / width), losses)
