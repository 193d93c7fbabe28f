"""How alike two measurements are expected to be, for many hyperparameters at once.

A loss at setting x after tokens D, with u = ln(D / tokens asked), is

    m + g(u) + a(x) + b(x) u + c(x, u) + luck of the run + noise

with m and g shared by all settings, and a, b, c Gaussian processes over settings: a the loss at the tokens asked, b how
fast it still falls there, c what a line in ln D misses. Over settings each of them is the sum of one part per axis and
of a part in which all axes act together (Duvenaud et al. 2011, arXiv:1112.4394, the first and the last order).
"""

from dataclasses import dataclass

import numpy as np

from sweeper.design.axes import Axis
from sweeper.laws.arrays import Bools, Floats, Ints

_LEVEL = 3.0
"""Prior standard deviation of m, in units of the losses' spread: known as good as nothing."""
_TREND = 1.0
_BEND = 0.3
"""Prior standard deviations of g's line and of its bend."""
_WIDTH = 1.5
"""Length scale of bends, in ln tokens."""
NAMES = ("level", "slope", "bend", "luck", "noise", "alone")
"""Hyperparameters beside one length a axis: logarithms of standard deviations, and the logit of the axes' own part."""
_CENTER = np.array([0.0, -0.7, -1.7, -3.0, -3.5, 0.5])
_SPREAD = np.array([0.7, 0.8, 0.8, 0.8, 1.0, 1.0])
_LENGTH = (float(np.log(0.6)), 0.6)
_APART = (float(np.log(0.5)), 0.8)
"""Prior mean and spread of ln length of an axis, and of ln distance of two categories."""


@dataclass(frozen=True)
class Rows:
    """Measurements, or places to predict at.

    Attributes:
        x: (rows, axes) places of their settings.
        u: (rows,) ln(tokens / tokens asked).
        run: (rows,) number of the run; -1 where it belongs to none.
    """

    x: Floats
    u: Floats
    run: Ints

    def keep(self, rows: Bools | Ints) -> "Rows":
        """Some of them."""
        return Rows(self.x[rows], self.u[rows], self.run[rows])

    def and_then(self, other: "Rows") -> "Rows":
        """These, and others after them."""
        return Rows(
            np.concatenate([self.x, other.x]), np.concatenate([self.u, other.u]), np.concatenate([self.run, other.run])
        )


@dataclass(frozen=True)
class Prior:
    """The normal prior of the hyperparameters of a space; arrays (hyperparameters,)."""

    center: Floats
    spread: Floats

    @staticmethod
    def of(axes: tuple[Axis, ...]) -> "Prior":
        """One length a axis, then `NAMES`."""
        lengths = [_APART if axis.kind == "category" else _LENGTH for axis in axes]
        return Prior(
            np.concatenate([np.array([center for center, _ in lengths]), _CENTER]),
            np.concatenate([np.array([spread for _, spread in lengths]), _SPREAD]),
        )

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """(count, hyperparameters)."""
        return np.asarray(self.center + self.spread * rng.standard_normal((count, len(self.center))))

    def log_density(self, theta: Floats) -> Floats:
        """(count,) up to a constant."""
        return np.asarray(-0.5 * np.sum(((theta - self.center) / self.spread) ** 2, axis=1))


def covariance(axes: tuple[Axis, ...], theta: Floats, a: Rows, b: Rows) -> Floats:
    """(count, rows of a, rows of b) covariances of the losses, without the noise of a measurement.

    Args:
        axes: Of the space.
        theta: (count, hyperparameters).
        a: Rows.
        b: Rows; those of one run share its luck.
    """
    level, slope, bend, lucky, _, alone = (np.exp(2 * part)[:, None, None] for part in theta[:, len(axes) :].T)
    own = np.sqrt(alone) / (1.0 + np.sqrt(alone))
    uu = a.u[:, None] * b.u[None, :]
    near = np.exp(-0.5 * ((a.u[:, None] - b.u[None, :]) / _WIDTH) ** 2)
    together, each = _likeness(axes, theta, a.x, b.x)
    alike = (own * each + (1.0 - own) * together) * (level + slope * uu + bend * near)
    same = (a.run[:, None] == b.run[None, :]) & (a.run[:, None] >= 0)
    return np.asarray(alike + (_LEVEL**2 + _TREND**2 * uu + _BEND**2 * near) + lucky * same)


def variance(axes: tuple[Axis, ...], theta: Floats, at: Rows) -> Floats:
    """(count, rows) the diagonal of `covariance`."""
    level, slope, bend, lucky = (np.exp(2 * part)[:, None] for part in theta[:, len(axes) : len(axes) + 4].T)
    square = at.u**2
    own = level + slope * square + bend + _LEVEL**2 + _TREND**2 * square + _BEND**2
    return np.asarray(own + lucky * (at.run >= 0))


def noise_variance(axes: tuple[Axis, ...], theta: Floats) -> Floats:
    """(count,) variance of the noise of one measurement."""
    return np.asarray(np.exp(2 * theta[:, len(axes) + NAMES.index("noise")]))


def _likeness(axes: tuple[Axis, ...], theta: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """(count, rows of a, rows of b) likeness in all axes together, and the mean of each axis' own."""
    shape = (len(theta), len(a), len(b))
    if not axes:
        return np.ones(shape), np.ones(shape)
    exponent, each = np.zeros(shape), np.zeros(shape)
    for index, axis in enumerate(axes):
        away = a[:, index][:, None] - b[:, index][None, :]
        length = np.exp(theta[:, index])[:, None, None]
        part = length * (away != 0) if axis.kind == "category" else (0.5 * away**2) / length**2
        exponent += part
        each += np.exp(-part)
    return np.exp(-exponent), each / len(axes)
