"""The Optuna study of an experiment, on journal storage: opened by the driver alone, rebuilt from nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sweeper.experiment.distributions import Parameter, Value
from sweeper.experiment.pruners import Pruner
from sweeper.experiment.samplers import Grid, Sampler
from sweeper.search.outcome import AGAIN, CONSTRAINT, DIVERGED, DIVERGED_EXCESS, Outcome
from sweeper.search.proposal import Proposal, middle, point, propose
from sweeper.search.pruners import build_pruner
from sweeper.search.samplers import build_sampler

if TYPE_CHECKING:
    import optuna

    from sweeper.search.mirror_sampler import Prior

TRIAL = "trial"
"""The user attribute that holds the id of a study trial's spec."""
T = TypeVar("T")


class Study:
    """Ask and tell, and the decisions that later phases stand on.

    Args:
        path: The journal.
        name: Differs where results must not be mixed: the space, the base model, the data, the objective.
        parameters: The space.
        sampler: What proposes.
        startup_trials: Random trials before `tpe` or `gp` models.
        pruner: What says which trials make the cut.
        rungs: Tokens at which trials may be stopped.
        max_tokens: Of a trial that is not stopped.
        seed: Of the sampler.
        objectives: How many values a trial has.
        enqueue: Starting points, values by field: they are run first. Those that the study does not know yet are added.
        starts: Gives values by parameter that a method's first trial has, in place of the middle of its ranges; asked
            where the study is new.
        prior: What earlier studies add for the sampler.
        designed: Whether trials are asked for setting by setting (`ask_for`): nothing is queued then.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        parameters: Sequence[Parameter],
        *,
        sampler: Sampler,
        startup_trials: int,
        pruner: Pruner,
        rungs: Sequence[int],
        max_tokens: int,
        seed: int,
        objectives: int = 1,
        enqueue: Sequence[Mapping[str, Any]] = (),
        starts: Callable[[], Mapping[str, Mapping[str, Value]]] = dict,
        prior: Prior | None = None,
        designed: bool = False,
    ) -> None:
        from sweeper.search.journal import open_study

        self._parameters, self._objectives = tuple(parameters), objectives
        self._study = open_study(path, name, build_pruner(pruner, rungs, max_tokens), objectives)
        asked = len(self.trials())
        self._study.sampler = build_sampler(sampler, parameters, startup_trials, seed, asked, prior)
        self.first = self._starting_points(enqueue, starts)
        """What is run first, values by parameter name."""
        if not isinstance(sampler, Grid) and not designed:
            for start in self.first:  # a driver that died in between has added some already
                self._study.enqueue_trial(start, skip_if_exists=True)

    def _starting_points(
        self, given: Sequence[Mapping[str, Any]], starts: Callable[[], Mapping[str, Mapping[str, Value]]]
    ) -> list[dict[str, Value]]:
        """Those that were given; in a new study every method without one has a first trial of its own."""
        first = [point(self._parameters, each) for each in given]
        if not self.trials():
            methods: Any = next(p for p in self._parameters if p.field == "method").distribution
            missing = [str(name) for name in methods.choices if name not in {start.get("method") for start in first}]
            warm = starts()
            first += [{**middle(self._parameters, method), **warm.get(method, {})} for method in missing]
        return first

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        """Every trial that has been asked for."""
        import optuna

        waiting = optuna.trial.TrialState.WAITING
        return [trial for trial in self._study.get_trials(deepcopy=False) if trial.state != waiting]

    def finished(self) -> list[str]:
        """Ids of the trials that were told, in their order."""
        return [t.user_attrs[TRIAL] for t in self.trials() if t.state.is_finished() and TRIAL in t.user_attrs]

    def started(self) -> list[str]:
        """Ids of the trials that were told or are running, in their order."""
        return [t.user_attrs[TRIAL] for t in self.trials() if TRIAL in t.user_attrs]

    def interrupted(self) -> list[tuple[optuna.trial.Trial, Proposal]]:
        """Trials that were running when the driver last ended, in their order, with what they were to train."""
        import optuna

        running = [t for t in self.trials() if t.state == optuna.trial.TrialState.RUNNING]
        trials = [optuna.trial.Trial(self._study, t._trial_id) for t in running]
        # What a trial has is kept; a driver that died while it asked has left one with some parameters still to choose.
        return [(trial, propose(trial, self._parameters)) for trial in trials]

    def ask_again(self) -> None:
        """Have trials that failed, and did not diverge, asked for once more: what ailed them may have been mended."""
        from optuna.trial import TrialState

        known = {t.user_attrs.get(AGAIN) for t in self._study.get_trials(deepcopy=False)}
        for trial in self.trials():
            if trial.state == TrialState.FAIL and trial.number not in known:
                self._study.enqueue_trial(trial.params, user_attrs={AGAIN: trial.number})

    def asked(self) -> int:
        """How many trials have been asked for, each counted once however often it was tried."""
        return sum(AGAIN not in trial.user_attrs for trial in self.trials())

    def waiting(self) -> int:
        """How many trials stand in for failed ones and have not been asked for."""
        import optuna

        states = (optuna.trial.TrialState.WAITING,)
        return sum(AGAIN in trial.user_attrs for trial in self._study.get_trials(deepcopy=False, states=states))

    def ask(self) -> tuple[optuna.trial.Trial, Proposal]:
        """A new trial and what it is to train."""
        trial = self._study.ask()
        return trial, propose(trial, self._parameters)

    def ask_for(self, values: Mapping[str, Value]) -> tuple[optuna.trial.Trial, Proposal]:
        """A new trial of given values, by parameter name, and what it is to train."""
        from optuna.trial import TrialState

        for _ in self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):  # of a driver that died here
            self._study.tell(self._study.ask(), state=TrialState.FAIL)
        self._study.enqueue_trial(dict(values))
        return self.ask()

    def known(self) -> list[tuple[dict[str, Any], str]]:
        """Values by parameter name and the id of every trial that has one, in their order."""
        return [(trial.params, trial.user_attrs[TRIAL]) for trial in self.trials() if TRIAL in trial.user_attrs]

    def reported(self, trial: optuna.trial.Trial) -> set[int]:
        """Tokens at which a trial's value is known already."""
        return set(self._study._storage.get_trial(trial._trial_id).intermediate_values)

    def tell(self, trial: optuna.trial.Trial, outcome: Outcome) -> None:
        """How a trial ended."""
        from optuna.trial import TrialState

        excess = outcome.excess
        if outcome.state == "diverged":
            trial.set_user_attr(DIVERGED, True)
            excess = DIVERGED_EXCESS
        if excess is not None and outcome.state != "failed":
            trial.set_constraint(CONSTRAINT, excess)
        if outcome.state == "completed":
            self._study.tell(trial, list(map(float, outcome.values)))
        else:
            self._study.tell(trial, state=TrialState.FAIL if outcome.state == "failed" else TrialState.PRUNED)

    @property
    def prunes(self) -> bool:
        """Whether trials are compared by one number."""
        return self._objectives == 1

    def note(self, key: str, item: Any) -> None:
        """Add to a list that is kept in the study; `item` is what JSON can hold."""
        self._study.set_user_attr(key, json.dumps([*self.noted(key), item]))

    def noted(self, key: str) -> list[Any]:
        """The list."""
        items: list[Any] = json.loads(self._study.user_attrs.get(key, "[]"))
        return items

    def decided(self, key: str) -> bool:
        """Whether a decision was frozen."""
        return key in self._study.user_attrs

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
