"""Runs a sampler on a copy of the study in memory: laid flat, or with what earlier studies measured beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.experiment.distributions import Parameter
from sweeper.search.flat_space import FlatSpace
from sweeper.search.optuna_space import optuna_space
from sweeper.search.outcome import DIVERGED
from sweeper.search.proposal import propose
from sweeper.search.thinned import thinned

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Prior = Callable[[Sequence[FrozenTrial]], Sequence[FrozenTrial]]
"""From this study's told trials to trials of earlier studies, in the terms of this one, to be seen beside them."""


class MirrorSampler(BaseSampler):
    """Asks another sampler in a study of its own, which is made anew for every proposal.

    So what is added for the sampler never stands in the study, and a large study can be thinned. Random numbers depend
    on the trial's number alone.

    Args:
        parameters: The space.
        make: The sampler for a seed.
        startup_trials: Random trials before it is asked.
        seed: Of all random numbers.
        flat: Lay the space flat. A Gaussian process needs the same dimensions in every trial; Optuna's leaves
            parameters that some trials do not have to chance, and those would be the learning rates. It looks at
            complete trials only, so those that diverged are shown to it as the worst there is.
        prior: What earlier studies add.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        make: Callable[[int], BaseSampler],
        startup_trials: int,
        seed: int,
        *,
        flat: bool,
        prior: Prior | None = None,
    ) -> None:
        self._parameters, self._space = tuple(parameters), optuna_space(parameters)
        self._flat = FlatSpace.of(parameters) if flat else None
        self._make, self._startup, self._seed, self._prior = make, startup_trials, seed, prior

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All parameters."""
        return dict(self._space)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the other sampler proposes; nothing (and so chance) before there is enough to model."""
        others = [t for t in study.get_trials(deepcopy=False) if t.number != trial.number and t.params]
        told = thinned([t for t in others if t.state in (TrialState.COMPLETE, TrialState.PRUNED)])
        prior = list(self._prior(told)) if self._prior is not None else []
        if len(told) + len(prior) < self._startup:
            return {}
        running = [t for t in others if t.state == TrialState.RUNNING]
        mirror = optuna.create_study(directions=study.directions, sampler=self._make(self._seed_of(trial)))
        if self._flat is None:
            mirror.add_trials([*prior, *told, *running])
            asked = mirror.ask()
            propose(asked, self._parameters)
            return dict(asked.params)
        mirror.add_trials(_flattened([*prior, *told, *running], self._flat))
        return dict(self._flat.values(mirror.ask(self._flat.distributions()).params))

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Chance."""
        chance = RandomSampler(seed=self._seed_of(trial) + sum(param_name.encode()))
        return chance.sample_independent(study, trial, param_name, param_distribution)

    def _seed_of(self, trial: FrozenTrial) -> int:
        return self._seed + 1009 * trial.number


def _flattened(trials: Sequence[FrozenTrial], space: FlatSpace) -> list[FrozenTrial]:
    complete, distributions = [t for t in trials if t.state == TrialState.COMPLETE], space.distributions()
    flat = []
    for trial in trials:
        worst = bool(complete) and DIVERGED in trial.user_attrs
        flat.append(
            create_trial(
                state=TrialState.COMPLETE if worst else trial.state,
                values=[max(values) for values in zip(*(t.values for t in complete), strict=True)]
                if worst
                else trial.values,
                params=space.flat(trial.params),
                distributions=distributions,
                constraints=_worst_constraints(complete) if worst else trial.constraints,
            )
        )
    return flat


def _worst_constraints(complete: Sequence[FrozenTrial]) -> dict[str, float]:
    return {name: max(t.constraints.get(name, 0.0) for t in complete) for name in complete[0].constraints}
