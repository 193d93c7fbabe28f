"""The Optuna study of an experiment, on journal storage: opened by the driver alone, rebuilt from nothing else."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from sweeper.experiment.distributions import Parameter
from sweeper.search.proposal import Proposal, middle, point, propose
from trainers.spec import TrialSpec

if TYPE_CHECKING:
    import optuna

TRIAL = "trial"
"""The user attribute that holds the id of a study trial's spec."""
T = TypeVar("T")


class Study:
    """Ask and tell, and the decisions that later phases stand on.

    Args:
        path: The journal.
        name: Differs where results must not be mixed: the space, the base model, the data, the objective.
        parameters: The space.
        sampler: `tpe` (multivariate, grouped by condition, constant liar) or `random`.
        startup_trials: Random trials before `tpe` models.
        pruner: `successive_halving`, `median` or `none`.
        rungs: Tokens at which trials may be pruned.
        seed: Of the sampler.
        enqueue: Starting points, values by field: they are run first. Those that the study does not know yet are added.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        parameters: Sequence[Parameter],
        *,
        sampler: Literal["tpe", "random"],
        startup_trials: int,
        pruner: Literal["successive_halving", "median", "none"],
        rungs: Sequence[int],
        seed: int,
        enqueue: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        from sweeper.search.journal import open_study

        self._parameters, self._rungs = tuple(parameters), tuple(rungs)
        self._study = open_study(path, name, _pruner(pruner, rungs))
        # A sampler that starts again from its seed would propose its first trials a second time.
        self._study.sampler = _sampler(sampler, startup_trials, seed + 1009 * len(self.trials()))
        self._enqueue(enqueue)

    def _enqueue(self, given: Sequence[Mapping[str, Any]]) -> None:
        """Starting points first; in a new study every method without one begins in the middle of its ranges."""
        starts = [point(self._parameters, each) for each in given]
        if not self.trials():
            methods: Any = next(p for p in self._parameters if p.field == "method").distribution
            missing = [name for name in methods.choices if name not in {start.get("method") for start in starts}]
            starts += [middle(self._parameters, str(method)) for method in missing]
        for start in starts:  # a driver that died in between has added some already
            self._study.enqueue_trial(start, skip_if_exists=True)

    def rung(self, spec: TrialSpec, tokens: int) -> int:
        """A rung of a trial as the study counts it: trials of another batch reach it some tokens earlier or later."""
        return self._rungs[spec.rungs.index(tokens)] if len(self._rungs) == len(spec.rungs) else tokens

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """Every trial that has been asked for."""
        import optuna

        waiting = optuna.trial.TrialState.WAITING
        return [trial for trial in self._study.get_trials(deepcopy=False) if trial.state != waiting]

    def finished(self) -> list[str]:
        """Ids of the trials that were told, in their order."""
        return [t.user_attrs[TRIAL] for t in self.trials() if t.state.is_finished() and TRIAL in t.user_attrs]

    def interrupted(self) -> list[tuple[optuna.trial.Trial, Proposal]]:
        """Trials that were running when the driver last ended, in their order, with what they were to train."""
        import optuna

        running = [t for t in self.trials() if t.state == optuna.trial.TrialState.RUNNING]
        trials = [optuna.trial.Trial(self._study, t._trial_id) for t in running]
        # What a trial has is kept; a driver that died while it asked has left one with some parameters still to choose.
        return [(trial, propose(trial, self._parameters)) for trial in trials]

    def ask(self) -> tuple[optuna.trial.Trial, Proposal]:
        """A new trial and what it is to train."""
        trial = self._study.ask()
        return trial, propose(trial, self._parameters)

    def reported(self, trial: optuna.trial.Trial) -> set[int]:
        """Tokens at which a trial's value is known already."""
        return set(self._study._storage.get_trial(trial._trial_id).intermediate_values)

    def tell(self, trial: optuna.trial.Trial, outcome: float | Literal["pruned", "failed"]) -> None:
        """How a trial ended: its value, or why it has none. Pruned is told as pruned, never as complete."""
        from optuna.trial import TrialState

        if outcome == "pruned":
            self._study.tell(trial, state=TrialState.PRUNED)
        elif outcome == "failed":
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, float(outcome))

    def frozen(self, key: str, decide: Callable[[], T]) -> T:
        """A decision between phases, taken once and kept in the study, so that a longer search changes no later run.

        `decide` must return what JSON can hold.
        """
        known = self._study.user_attrs.get(key)
        if known is None:
            known = json.dumps(decide())
            self._study.set_user_attr(key, known)
        value: T = json.loads(known)
        return value


def _sampler(name: str, startup_trials: int, seed: int) -> Any:
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import RandomSampler, TPESampler

    if name == "random":
        return RandomSampler(seed=seed)
    # `group` is what gives conditional spaces a joint model; Optuna calls it experimental at every start.
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    return TPESampler(
        n_startup_trials=startup_trials,
        multivariate=True,
        group=True,
        constant_liar=True,
        seed=seed,
    )


def _pruner(name: str, rungs: Sequence[int]) -> Any:
    from optuna.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner

    if name == "none" or not rungs:
        return NopPruner()
    if name == "median":
        return MedianPruner(n_startup_trials=4)
    factor = max(2, round(rungs[1] / rungs[0])) if len(rungs) > 1 else 2
    return SuccessiveHalvingPruner(min_resource=rungs[0], reduction_factor=factor)
