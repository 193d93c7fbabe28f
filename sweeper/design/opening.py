"""The first runs, before anything is known: spread over the space."""

from collections.abc import Sequence

import numpy as np

from sweeper.design.axes import Axis
from sweeper.laws.arrays import Floats, Ints

_CATEGORY = 0.5
"""Two categories count as far apart as half of an axis."""
_MOST = 6
"""Of many axes most do not matter, and what is run next is better chosen by what was seen."""
_EDGE = 0.15
"""What a setting at the end of an axis gives away: ranges are wide, and their ends seldom good."""


def spread_out(axes: tuple[Axis, ...], x: Floats, given: Sequence[int] = ()) -> list[int]:
    """The setting in the middle, then each the farthest from those before it; two more than axes in all, six at most.

    Args:
        axes: Of the space.
        x: (settings, axes) places.
        given: Numbers of settings that are run anyway; they come first.
    """
    numeric: Ints = np.array([k for k, axis in enumerate(axes) if axis.kind != "category"], dtype=np.int64)
    middle = np.median(x, axis=0) if len(axes) else np.zeros(0)
    chosen = list(given) or [int(np.argmin(np.sum((x - middle)[:, numeric] ** 2, axis=1)))]
    ends = _EDGE * np.sum(np.abs(x[:, numeric] - 0.5) > 0.45, axis=1)
    while len(chosen) < min(len(x), 2 + len(axes), _MOST):
        nearest = np.min([_apart(axes, x, k) for k in chosen], axis=0)
        nearest[chosen] = -np.inf
        chosen.append(int(np.argmax(nearest - ends)))
    return chosen


def _apart(axes: tuple[Axis, ...], x: Floats, k: int) -> Floats:
    """(settings,) distance from setting k."""
    parts = [
        _CATEGORY * (x[:, d] != x[k, d]) if axis.kind == "category" else np.abs(x[:, d] - x[k, d])
        for d, axis in enumerate(axes)
    ]
    return np.asarray(np.sqrt(np.sum(np.square(parts), axis=0))) if parts else np.zeros(len(x))
