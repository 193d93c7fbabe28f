"""The points of a space whose parameters all have a countable number of values."""

import math
from collections.abc import Mapping, Sequence

from sweeper.experiment.distributions import Categorical, Distribution, Float, Parameter, Value

Point = dict[str, Value]
"""Values by parameter name."""
MOST_POINTS = 10_000
"""More than any search tries, and few enough to be written down."""


def uncountable(parameters: Sequence[Parameter]) -> tuple[str, ...]:
    """Names of the parameters that a grid cannot have: ranges without a step."""
    return tuple(parameter.name for parameter in parameters if _count(parameter.distribution) is None)


def most_points(parameters: Sequence[Parameter]) -> int:
    """How many combinations there are at most, as if every parameter existed beside all others."""
    return math.prod(_count(parameter.distribution) or 1 for parameter in parameters)


def grid_points(parameters: Sequence[Parameter]) -> list[Point]:
    """Every combination of values; a parameter that does not exist beside the others is not in the point.

    Raises:
        ValueError: a parameter has no countable number of values.
    """
    points: list[tuple[Point, Mapping[str, Value]]] = [({}, {})]
    for parameter in parameters:
        values = values_of(parameter.distribution)
        if values is None:
            raise ValueError(f"{parameter.name} is a range without a step")
        points = [
            extended
            for point, fields in points
            for extended in (
                [({**point, parameter.name: value}, {**fields, parameter.field: value}) for value in values]
                if all(fields.get(field) in allowed for field, allowed in parameter.when.items())
                else [(point, fields)]
            )
        ]
    return [point for point, _ in points]


def values_of(distribution: Distribution) -> tuple[Value, ...] | None:
    """All values, rising; None where they cannot be counted."""
    if isinstance(distribution, Categorical):
        return distribution.choices
    count, low, step = _count(distribution), distribution.low, distribution.step
    if count is None or step is None:
        return None
    values = [low + i * step for i in range(count)]
    return tuple(float(f"{v:.12g}") for v in values) if isinstance(distribution, Float) else tuple(map(int, values))


def _count(distribution: Distribution) -> int | None:
    if isinstance(distribution, Categorical):
        return len(distribution.choices)
    if distribution.step is None:
        return None
    return int((distribution.high - distribution.low) / distribution.step + 1e-9) + 1
