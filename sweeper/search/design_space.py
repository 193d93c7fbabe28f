"""The search space as the design sees it: axes, and a spread of settings that may be run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sweeper.design.axes import Axis, axis_of
from sweeper.experiment.distributions import Categorical, Float, Int, Parameter, Value
from sweeper.search.proposal import exists

SPREAD = 384
"""Settings that are weighed against each other; a space of choices alone has as many as it has."""


@dataclass(frozen=True)
class DesignSpace:
    """A space made finite."""

    axes: tuple[Axis, ...]
    """The searched parameters."""
    settings: tuple[Mapping[str, Value], ...]
    """Values by parameter name, the fixed ones with them; those that do not exist in a setting are left out."""

    def number(self, setting: Mapping[str, Value]) -> int:
        """The number of a setting that is among them."""
        return self._numbers[_key(setting)]

    @cached_property
    def _numbers(self) -> dict[tuple[tuple[str, Value], ...], int]:
        return {_key(setting): number for number, setting in enumerate(self.settings)}


def design_space(
    parameters: Sequence[Parameter], *, seed: int, given: Sequence[Mapping[str, Value]] = ()
) -> DesignSpace:
    """Axes of what is searched, and settings spread evenly over the space, each method's as many.

    Args:
        parameters: The space.
        seed: Of the spread.
        given: Settings that are to be among them.
    """
    axes = tuple(_axis(parameter) for parameter in parameters if not parameter.is_fixed)
    found = {_key(setting): dict(setting) for setting in given}
    for setting in _spread(parameters, seed):
        found.setdefault(_key(setting), setting)
    return DesignSpace(axes, tuple(found.values()))


def _axis(parameter: Parameter) -> Axis:
    distribution = parameter.distribution
    if isinstance(distribution, Categorical):
        return axis_of(parameter.name, distribution.choices)
    return Axis(parameter.name, "log" if distribution.log else "linear", distribution.low, distribution.high)


def _spread(parameters: Sequence[Parameter], seed: int) -> Iterator[dict[str, Value]]:
    from scipy.stats import qmc

    count = 2 ** int(np.ceil(np.log2(SPREAD)))
    points = qmc.Sobol(len(parameters), scramble=True, rng=seed).random(count)[:SPREAD]
    for index, point in enumerate(points):
        yield _setting(parameters, point.tolist(), index)


def _setting(parameters: Sequence[Parameter], point: Sequence[float], index: int) -> dict[str, Value]:
    """Methods take turns, so that each is seen as often, however the other parameters depend on them."""
    fields: dict[str, Value] = {}
    names: dict[str, Value] = {}
    for parameter, place in zip(parameters, point, strict=True):
        if exists(parameter, fields):
            choices = parameter.distribution.choices if isinstance(parameter.distribution, Categorical) else ()
            value = choices[index % len(choices)] if parameter.field == "method" else _value(parameter, place)
            fields[parameter.field] = names[parameter.name] = value
    return names


def _value(parameter: Parameter, place: float) -> Value:
    """The value that lies at `place`, from 0 to 1, of its range."""
    distribution = parameter.distribution
    if isinstance(distribution, Categorical):
        return distribution.choices[min(int(place * len(distribution.choices)), len(distribution.choices) - 1)]
    low, high, step = distribution.low, distribution.high, distribution.step
    value = low * (high / low) ** place if distribution.log else low + place * (high - low)
    if step is not None:
        value = min(low + step * round((value - low) / step), low + step * int((high - low) / step + 1e-9))
    if isinstance(distribution, Int):
        return round(value)
    return _in_digits(distribution, float(value))


def _in_digits(distribution: Float, value: float) -> float:
    """Four digits are all that a loss can tell apart, and what people read."""
    if distribution.step is not None:
        return value
    return float(min(max(float(f"{value:.4g}"), distribution.low), distribution.high))


def _key(setting: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple(sorted(setting.items()))
