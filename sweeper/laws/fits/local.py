"""Errors that belong to a ratio: what counts at a ratio are the errors near it.

A recommendation is a question about one ratio. A law that is good between a third and two thirds must not be charged
there with what it errs where a corpus is in no mixture at all, nor the other way about.
"""

from collections.abc import Mapping

import numpy as np

from sweeper.laws.arrays import Floats

_NEAR = 0.12
"""Ratios this far apart share much of their error."""
_FAR = 1e-3
"""Weight of a far ratio's error, so that somewhere far from all of them the mean of all counts."""


def local_square(errors: Mapping[float, float], ratios: Floats) -> Floats:
    """Mean square of errors known at some domain ratios, weighted by nearness, at each of `ratios` (any shape)."""
    known = np.array(list(errors))
    weight = _FAR + np.exp(-0.5 * ((np.asarray(ratios)[..., None] - known) / _NEAR) ** 2)
    square = np.square(list(errors.values()))
    return np.asarray(np.sum(weight * square, axis=-1) / np.sum(weight, axis=-1))


def interior_of(errors: Mapping[float, float]) -> dict[float, float]:
    """Without the smallest and the largest ratio; empty with fewer than three."""
    return {ratio: errors[ratio] for ratio in sorted(errors)[1:-1]}


def extremes_of(errors: Mapping[float, float]) -> dict[float, float]:
    """The smallest and the largest ratio; empty with fewer than three."""
    return {ratio: errors[ratio] for ratio in sorted(errors) if ratio not in interior_of(errors) and len(errors) >= 3}


def pooled(errors: Mapping[float, float]) -> float | None:
    """Root mean square; None of none."""
    return float(np.sqrt(np.mean(np.square(list(errors.values()))))) if errors else None
