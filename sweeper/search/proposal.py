"""From the experiment's space to Optuna's, and from an Optuna trial to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.experiment.distributions import Categorical, Distribution, Float, Int, Parameter, Value
from sweeper.experiment.recipe import Recipe, composition

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Proposal:
    """What a search trial trains; a field that is not searched keeps the value None and is as the file says."""

    method: str
    learning_rate: float
    domain_ratio: float
    """The target's share, also where the whole mixture is searched."""
    lora_r: int | None = None
    base_model: str | None = None
    """None: the last."""
    lora_alpha_ratio: float | None = None
    lora_target_modules: str | None = None
    """`all-linear`, or names of modules joined by commas."""
    mixture: Mapping[str, float] | None = None
    """The share of every corpus, where they are searched; None: the rest is divided by the file's weights."""
    lr_scheduler_type: str | None = None
    warmup_ratio: float | None = None
    global_batch_size: int | None = None
    """Sequences a step, over all workers."""
    weight_decay: float | None = None

    def recipe(self, target: str) -> Recipe:
        """What the trial has in place of the file's recipe and weights; `target` is the corpus to adapt to."""
        return Recipe(
            lora_alpha_ratio=self.lora_alpha_ratio,
            lora_target_modules=self.lora_target_modules,
            lr_scheduler_type=self.lr_scheduler_type,  # type: ignore[arg-type]  # the space's choices are such
            warmup_ratio=self.warmup_ratio,
            global_batch_size=self.global_batch_size,
            weight_decay=self.weight_decay,
            composition=None if self.mixture is None else composition(self.mixture, target),
        )


def propose(trial: optuna.trial.BaseTrial, parameters: Sequence[Parameter]) -> Proposal:
    """Ask a trial for every parameter that exists in it; conditions refer to fields that come earlier."""
    values: dict[str, Any] = {}
    places: dict[str, float] = {}
    for parameter in parameters:
        if exists(parameter, values):
            value = _suggest(trial, parameter)
            if parameter.field == "mixture":
                places[corpus_of(parameter)] = float(value)
            else:
                values[parameter.field] = value
    simplex = next((p.simplex for p in parameters if p.simplex is not None), None)
    if simplex is not None:
        mixture = simplex.mixture(places)
        values |= {"mixture": mixture, "domain_ratio": mixture[simplex.target]}
    return Proposal(**values)


def exists(parameter: Parameter, values: Mapping[str, Value]) -> bool:
    """Whether a parameter exists beside the values already chosen."""
    return all(values.get(field) in allowed for field, allowed in parameter.when.items())


def corpus_of(parameter: Parameter) -> str:
    """The corpus whose place in the mixture a parameter says: `mixture.code` is that of `code`."""
    return parameter.name.removeprefix("mixture.")


def middle(parameters: Sequence[Parameter], method: str) -> dict[str, Value]:
    """The middle of every range for one method, by parameter name: where a search of that method starts."""
    fields: dict[str, Value] = {}
    names: dict[str, Value] = {}
    for parameter in parameters:
        if exists(parameter, fields):
            value = method if parameter.field == "method" else _middle(parameter)
            fields[parameter.field] = names[parameter.name] = value
    return names


def point(parameters: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Value]:
    """A starting point by parameter name.

    Args:
        parameters: The space.
        given: Values by field, checked against the space; `mixture` by corpus. What is left out stays open, but for
            fields of one value, which conditions may ask for.
    """
    fields: dict[str, Value] = {}
    names: dict[str, Value] = {}
    for parameter in parameters:
        if not exists(parameter, fields):
            continue
        if parameter.is_fixed:
            fields[parameter.field] = names[parameter.name] = _middle(parameter)
        elif parameter.simplex is not None and "mixture" in given:
            place = parameter.simplex.places(given["mixture"])[corpus_of(parameter)]
            names[parameter.name] = _within(place, parameter.distribution)
        elif parameter.field in given:
            fields[parameter.field] = names[parameter.name] = given[parameter.field]
    return names


def _within(place: float, distribution: Distribution) -> float:
    """A place of a mixture without what rounding added to it."""
    assert isinstance(distribution, Float)  # of the mixture's parameters only fixed ones are choices
    return min(max(place, distribution.low), distribution.high)


def _suggest(trial: optuna.trial.BaseTrial, parameter: Parameter) -> Value:
    distribution = parameter.distribution
    if isinstance(distribution, Float):
        low, high, step = distribution.low, distribution.high, distribution.step
        return trial.suggest_float(parameter.name, low, high, log=distribution.log, step=step)
    if isinstance(distribution, Int):
        low, high, by = distribution.low, distribution.high, distribution.step or 1
        return trial.suggest_int(parameter.name, low, high, log=distribution.log, step=by)
    choice = trial.suggest_categorical(parameter.name, distribution.choices)
    assert choice is not None  # None is no value of any parameter
    return choice


def _middle(parameter: Parameter) -> Value:
    distribution = parameter.distribution
    if isinstance(distribution, Categorical):
        return distribution.choices[len(distribution.choices) // 2]
    low, high = distribution.low, distribution.high
    value = float((low * high) ** 0.5 if distribution.log else (low + high) / 2)
    if distribution.step is not None:
        value = low + distribution.step * round((value - low) / distribution.step)
    return round(value) if isinstance(distribution, Int) else value
