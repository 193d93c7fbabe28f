"""The part of a law that speaks of the model's size alone: E + A/N^alpha, or one E a size.

N is over the largest measured N. With fewer than three sizes a power of N is not to be had, so that each size has a
level of its own.
"""

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import Stated, Values, amplitude
from sweeper.laws.forms.law import Frame
from sweeper.laws.tables.points import Points


def level_parameters(frame: Frame) -> tuple[Stated, ...]:
    """E, A and alpha, or an E for each size."""
    top = 2.0 * frame.loss
    part = (0.2 * frame.loss, 0.9 * frame.loss)
    if frame.powers:
        alpha = Stated("alpha", 0.01, 2.0, (0.05, 1.0), prior_mean=0.3, prior_sd=0.5)
        return Stated("E", 0.0, top, part, linear=True), amplitude("A", frame), alpha
    return tuple(Stated(name, 0.0, top, part, linear=True) for name in _own(frame))


def level(frame: Frame, values: Values, points: Points) -> Floats:
    """(m, n) losses."""
    if frame.powers:
        return values["E"] + values["A"] * frame.relative_size(points.params) ** -values["alpha"]
    return np.asarray(np.concatenate([values[name] for name in _own(frame)], axis=1) @ frame.one_hot(points.params).T)


def level_derivatives(frame: Frame, values: Values, points: Points) -> dict[str, Floats]:
    """Of `level` by its parameters."""
    if not frame.powers:
        return dict(zip(_own(frame), frame.one_hot(points.params).T, strict=True))
    size = frame.relative_size(points.params)
    power = size ** -values["alpha"]
    return {"E": np.ones(len(points)), "A": power, "alpha": -values["A"] * power * np.log(size)}


def _own(frame: Frame) -> tuple[str, ...]:
    return tuple(f"E[{n:.4g}]" for n in frame.sizes)
