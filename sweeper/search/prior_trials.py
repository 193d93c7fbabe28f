"""Trials of earlier runs in the terms of this search: shown to the sampler for a while, never part of the study."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sweeper.experiment.distributions import Categorical, Distribution, Parameter, Value
from sweeper.search.earlier_runs import EarlierRuns, EarlierTrial
from sweeper.search.outcome import CONSTRAINT
from sweeper.search.proposal import exists
from sweeper.search.transferred_rates import TransferredRate

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

MOST_PRIOR = 20
"""Earlier trials shown at most. Each trial of this study takes the place of one, so that they help at the start and
cannot hold the search where another corpus had its optimum."""
LIKE = 4.0
"""How many times more or fewer tokens an earlier trial may have had."""
_FIELDS = {"method", "learning_rate", "lora_r", "domain_ratio"}


@dataclass(frozen=True)
class Scale:
    """What turns earlier relative losses into this search's."""

    target: str
    constrained: str
    target_base: float
    """Base loss of the target here, nats a token."""
    constrained_base: float
    limit: float
    tokens: float


@dataclass(frozen=True)
class PriorTrial:
    """One earlier trial as it would look here."""

    values: Mapping[str, Value]
    """By parameter name."""
    loss: float
    excess: float


def prior_trials(
    runs: EarlierRuns, parameters: Sequence[Parameter], scale: Scale, rates: Mapping[str, TransferredRate]
) -> list[PriorTrial]:
    """The earlier trials that say something here, each learning rate moved as its method's best one moves.

    None where the spaces or the number of corpora differ; else those that ran to their end with a like number of
    tokens, have base losses for both corpora, and lie within this space (a range with steps holds none of them).
    Losses are compared over base losses.
    """
    if {p.field for p in parameters if not p.is_fixed} - _FIELDS or len(runs.corpora) != 2:
        return []
    made = (_prior(trial, runs, parameters, scale, rates) for trial in runs.trials)
    return [trial for trial in made if trial is not None]


class PriorSource:
    """Gives the sampler earlier trials beside those of the study (`mirror_sampler.Prior`).

    Their losses are moved so that the best of them is as good as the study's best, since another corpus may be easier;
    their number falls with each trial of the study's own.

    Args:
        trials: In this search's terms.
        parameters: Of its space.
    """

    def __init__(self, trials: Sequence[PriorTrial], parameters: Sequence[Parameter]) -> None:
        spread = sorted(trials, key=lambda trial: (trial.excess > 0, trial.loss))
        self._trials = _evenly(spread, MOST_PRIOR)
        self._parameters = parameters

    def __call__(self, told: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Earlier trials to show beside the told ones."""
        from optuna.trial import TrialState, create_trial

        from sweeper.search.optuna_space import optuna_space

        shown = _evenly(self._trials, max(0, len(self._trials) - len(told)))
        feasible = [t for t in told if t.state == TrialState.COMPLETE and all(v <= 0 for v in t.constraints.values())]
        best = min((t.value for t in feasible if t.value is not None), default=None)
        own = min((t.loss for t in self._trials if t.excess <= 0), default=None)
        shift = best - own if best is not None and own is not None else 0.0
        space = optuna_space(self._parameters)
        return [
            create_trial(
                value=trial.loss + shift,
                params=dict(trial.values),
                distributions={name: space[name] for name in trial.values},
                constraints={CONSTRAINT: trial.excess},
            )
            for trial in shown
        ]


def _prior(
    trial: EarlierTrial,
    runs: EarlierRuns,
    parameters: Sequence[Parameter],
    scale: Scale,
    rates: Mapping[str, TransferredRate],
) -> PriorTrial | None:
    other = next((c for c in runs.corpora if c != runs.target), "")
    known = {runs.target, other} <= set(trial.relative) and trial.method in rates
    if not known or not trial.completed or not 1 / LIKE <= trial.tokens / scale.tokens <= LIKE:
        return None
    rate = trial.learning_rate * math.exp(rates[trial.method].shift)
    values = _values(replace(trial, learning_rate=rate), parameters)
    if values is None:
        return None
    excess = trial.relative[other] * scale.constrained_base - scale.limit
    return PriorTrial(values, trial.relative[runs.target] * scale.target_base, excess)


def _values(trial: EarlierTrial, parameters: Sequence[Parameter]) -> dict[str, Value] | None:
    """The trial's values by parameter; None where one lies outside this space."""
    given: dict[str, Value | None] = {field: getattr(trial, field) for field in _FIELDS}
    values: dict[str, Value] = {}
    fields: dict[str, Value] = {}
    for parameter in parameters:
        if exists(parameter, fields):
            value = given.get(parameter.field)
            if parameter.field not in _FIELDS and isinstance(parameter.distribution, Categorical):
                value = parameter.distribution.choices[0]  # the only one: see `prior_trials`
            if value is None or not _contains(parameter.distribution, value):
                return None
            fields[parameter.field] = values[parameter.name] = value
    return values


def _contains(distribution: Distribution, value: Value) -> bool:
    if isinstance(distribution, Categorical):
        return value in distribution.choices
    return distribution.low <= float(value) <= distribution.high and distribution.step is None


def _evenly(trials: Sequence[PriorTrial], count: int) -> list[PriorTrial]:
    """So many of them, evenly spread over their order."""
    if len(trials) <= count:
        return list(trials)
    return [trials[(i * len(trials)) // count] for i in range(count)]
