"""From the experiment's space to Optuna's, and from an Optuna trial to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.experiment.distributions import Categorical, Float, Int, Parameter

if TYPE_CHECKING:
    import optuna

Value = str | int | float


@dataclass(frozen=True)
class Proposal:
    """What a search trial trains."""

    method: str
    learning_rate: float
    domain_ratio: float
    lora_r: int | None = None


def propose(trial: optuna.trial.BaseTrial, parameters: Sequence[Parameter]) -> Proposal:
    """Ask a trial for every parameter that exists in it; conditions refer to fields that come earlier."""
    values: dict[str, Any] = {}
    for parameter in parameters:
        if exists(parameter, values):
            values[parameter.field] = _suggest(trial, parameter)
    return Proposal(**values)


def exists(parameter: Parameter, values: Mapping[str, Value]) -> bool:
    """Whether a parameter exists beside the values already chosen."""
    return all(values.get(field) in allowed for field, allowed in parameter.when.items())


def middle(parameters: Sequence[Parameter], method: str) -> dict[str, Value]:
    """The middle of every range for one method, by parameter name: where a search of that method starts."""
    fields: dict[str, Value] = {}
    names: dict[str, Value] = {}
    for parameter in parameters:
        if exists(parameter, fields):
            value = method if parameter.field == "method" else _middle(parameter)
            fields[parameter.field] = names[parameter.name] = value
    return names


def _suggest(trial: optuna.trial.BaseTrial, parameter: Parameter) -> Value:
    distribution = parameter.distribution
    if isinstance(distribution, Float):
        return trial.suggest_float(parameter.name, distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, Int):
        return trial.suggest_int(parameter.name, distribution.low, distribution.high, log=distribution.log)
    choice = trial.suggest_categorical(parameter.name, distribution.choices)
    assert choice is not None  # None is no value of any parameter
    return choice


def _middle(parameter: Parameter) -> Value:
    distribution = parameter.distribution
    if isinstance(distribution, Categorical):
        return distribution.choices[len(distribution.choices) // 2]
    low, high = distribution.low, distribution.high
    value = float((low * high) ** 0.5 if distribution.log else (low + high) / 2)
    return round(value) if isinstance(distribution, Int) else value
