"""A conditional space laid flat: the same dimensions in every trial, for samplers that know no conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.experiment.distributions import Categorical, Float, Parameter, Value
from sweeper.search.proposal import exists

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class Dimension:
    """Parameters that set one field under different conditions: each method's learning rate, in its own range."""

    name: str
    parameters: tuple[Parameter, ...]

    @property
    def is_word(self) -> bool:
        """Whether its values have no order."""
        first = self.parameters[0].distribution
        return isinstance(first, Categorical) and any(isinstance(choice, str) for choice in first.choices)

    def distribution(self) -> BaseDistribution:
        """A choice of words, or a position from 0 to 1."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        if self.is_word:
            choices = [c for p in self.parameters for c in getattr(p.distribution, "choices", ())]
            return CategoricalDistribution(tuple(dict.fromkeys(choices)))
        return FloatDistribution(0.0, 1.0)

    @property
    def nowhere(self) -> Value:
        """What stands for the value in trials that have none."""
        first = self.parameters[0].distribution
        return first.choices[0] if self.is_word and isinstance(first, Categorical) else 0.5


@dataclass(frozen=True)
class FlatSpace:
    """The dimensions of a space, and the way there and back."""

    dimensions: tuple[Dimension, ...]
    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, parameters: Sequence[Parameter]) -> FlatSpace:
        """A field's parameters that exclude each other share a dimension; fixed values are left out."""
        groups: dict[str, list[Parameter]] = {}
        for parameter in parameters:
            groups.setdefault(parameter.field if parameter.when else parameter.name, []).append(parameter)
        moving = {name: group for name, group in groups.items() if not all(p.is_fixed for p in group)}
        return cls(tuple(Dimension(name, tuple(group)) for name, group in moving.items()), tuple(parameters))

    def distributions(self) -> dict[str, BaseDistribution]:
        """By dimension."""
        return {dimension.name: dimension.distribution() for dimension in self.dimensions}

    def flat(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """A trial's values by parameter, as places by dimension."""
        places: dict[str, Value] = {}
        for dimension in self.dimensions:
            there = next((p for p in dimension.parameters if p.name in values), None)
            if there is None:
                places[dimension.name] = dimension.nowhere
            else:
                value = values[there.name]
                places[dimension.name] = value if dimension.is_word else position(there, value)
        return places

    def values(self, places: Mapping[str, Value]) -> dict[str, Value]:
        """Values by parameter, of those that exist beside each other."""
        at = {p.name: d for d in self.dimensions for p in d.parameters}
        fields: dict[str, Value] = {}
        found: dict[str, Value] = {}
        for parameter in self.parameters:
            if exists(parameter, fields):
                fields[parameter.field] = found[parameter.name] = self._value(parameter, at, places)
        return found

    def _value(self, parameter: Parameter, at: Mapping[str, Dimension], places: Mapping[str, Value]) -> Value:
        distribution = parameter.distribution
        if isinstance(distribution, Categorical) and (parameter.is_fixed or parameter.name not in at):
            return distribution.choices[0]
        place = places[at[parameter.name].name]
        if isinstance(distribution, Categorical) and place in distribution.choices:
            return place
        return value_at(parameter, float(place) if not isinstance(place, str) else 0.5)


def position(parameter: Parameter, value: Any) -> float:
    """Where a value lies in its range, from 0 to 1; choices of numbers lie evenly, in rising order."""
    distribution = parameter.distribution
    if isinstance(distribution, Categorical):
        ordered = sorted(distribution.choices, key=float)
        return (ordered.index(value) + 0.5) / len(ordered)
    low, high, value = _scaled(distribution.log, distribution.low, distribution.high, value)
    return (value - low) / (high - low) if high > low else 0.5


def value_at(parameter: Parameter, place: float) -> Value:
    """The value at a place, on its step."""
    distribution = parameter.distribution
    if isinstance(distribution, Categorical):
        ordered = sorted(distribution.choices, key=float)
        return ordered[min(len(ordered) - 1, int(place * len(ordered)))]
    low, high = _scaled(distribution.log, distribution.low, distribution.high)
    value = low + place * (high - low)
    value = math.exp(value) if distribution.log else value
    if distribution.step is not None:
        value = distribution.low + distribution.step * round((value - distribution.low) / distribution.step)
    value = min(max(value, distribution.low), distribution.high)
    return float(value) if isinstance(distribution, Float) else round(value)


def _scaled(log: bool, *values: float) -> list[float]:
    return [math.log(value) for value in values] if log else list(values)
