"""The settings of a space as points: every axis from 0 to 1, categories by number."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sweeper.laws.arrays import Floats

ABSENT = 0.5
"""Where a setting lies on an axis that does not exist in it; a category beside it tells it apart."""
Value = str | int | float
Setting = Mapping[str, Value]


@dataclass(frozen=True)
class Axis:
    """One dimension of the space.

    Attributes:
        name: Key of a setting.
        kind: How its values are spaced: evenly, evenly in their logarithm, or not at all.
        low: Smallest value; unused where `kind` is `category`.
        high: Largest.
        choices: The categories.
    """

    name: str
    kind: Literal["linear", "log", "category"]
    low: float = 0.0
    high: float = 1.0
    choices: tuple[Value, ...] = ()

    def place(self, value: Value | None) -> float:
        """Where a value lies: 0 at `low`, 1 at `high`; the number of a category."""
        if self.kind == "category":
            return -1.0 if value is None else float(self.choices.index(value))
        if value is None or self.high <= self.low:
            return ABSENT
        if self.kind == "log":
            return math.log(float(value) / self.low) / math.log(self.high / self.low)
        return (float(value) - self.low) / (self.high - self.low)


def axis_of(name: str, values: Sequence[Value]) -> Axis:
    """The axis through given values: numbers that span a factor of ten or more are spaced by their logarithm."""
    if any(isinstance(value, str) for value in values):
        return Axis(name, "category", choices=tuple(dict.fromkeys(values)))
    numbers = [float(value) for value in values]
    low, high = min(numbers), max(numbers)
    return Axis(name, "log" if low > 0 and high >= 10 * low else "linear", low, high)


def places(axes: Sequence[Axis], settings: Sequence[Setting]) -> Floats:
    """(settings, axes) where each setting lies on each axis."""
    rows = [[axis.place(setting.get(axis.name)) for axis in axes] for setting in settings]
    return np.array(rows, dtype=np.float64).reshape(len(settings), len(axes))
