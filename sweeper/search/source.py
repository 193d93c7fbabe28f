"""The search as a queue of trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sweeper.search.objective import Name, Objective, objective_values
from sweeper.search.outcome import AGAIN, Outcome
from sweeper.search.paired_pruning import PairedPruning
from sweeper.search.proposal import Proposal
from sweeper.search.study import TRIAL, Study
from sweeper.trials.record import TrialRecord
from trainers.messages import CONTINUE, Measurement, Verdict

if TYPE_CHECKING:
    import optuna


class SearchTrials:
    """Asks the study when a lane is free, prunes at rungs, tells every outcome (`sweeper.lanes.source.TrialSource`).

    Args:
        study: The study; trials that it still has as running are run first.
        trials: How many trials the study is to have in the end; a larger number tops it up.
        objective: What is minimised.
        record_of: The record of a proposal's trial: a finished one is told without being run.
        pruning: Who is stopped at rungs; None: nobody.
        names: Of what is told; one name is the target's loss, told with the constraint.
    """

    def __init__(
        self,
        study: Study,
        trials: int,
        objective: Objective,
        record_of: Callable[[Proposal], TrialRecord],
        pruning: PairedPruning | None = None,
        names: Sequence[Name] = ("target_loss",),
    ) -> None:
        self._study, self._trials, self._objective, self._record_of = study, trials, objective, record_of
        self._pruning, self._names = pruning, names
        self._again = study.interrupted()
        self._asked = study.asked()
        self._waiting = study.waiting()
        self._flights: dict[str, list[optuna.trial.Trial]] = {}
        """Study trials by the identity of their spec: a space without ranges proposes one twice."""
        self.records: list[TrialRecord] = []
        """Trials of the study that this queue has seen."""

    def next(self) -> TrialRecord | None:
        """Ask until a trial comes that has not been run."""
        while not self.exhausted():
            trial, proposal = self._again.pop(0) if self._again else self._ask()
            record = self._record_of(proposal)
            trial.set_user_attr(TRIAL, record.id)
            in_flight = record.id in self._flights
            self._flights.setdefault(record.id, []).append(trial)
            if in_flight:
                continue
            self.records.append(record)
            if is_final(record):
                self.ended(record)
                continue
            return record
        return None

    def _ask(self) -> tuple[optuna.trial.Trial, Proposal]:
        trial, proposal = self._study.ask()
        if AGAIN in trial.user_attrs:
            self._waiting -= 1
        else:
            self._asked += 1
        return trial, proposal

    def exhausted(self) -> bool:
        """True once the study has all its trials."""
        return not self._again and not self._waiting and self._asked >= self._trials

    def left(self) -> int:
        """Trials that the study is still to have, with those to run again."""
        return len(self._again) + self._waiting + max(0, self._trials - self._asked)

    @property
    def leaves(self) -> bool:
        """A trial that is pruned is over."""
        return False

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        """The study's pruner says who fails the cut, the documents whether that may be noise."""
        if self._pruning is None or not self._study.prunes:
            return CONTINUE
        value = self._objective.on(record)(measurement)
        rung = self._pruning.rung(record.spec, measurement.tokens)
        failed_cut = False
        for trial in self._flights[record.id]:
            if rung not in self._study.reported(trial):  # a resumed trial may pass a rung again
                trial.report(value, rung)
            failed_cut = trial.should_prune()
        reason = self._pruning.reason_to_stop(record, measurement, failed_cut)
        return CONTINUE if reason is None else Verdict(action="stop", reason=reason)

    def ended(self, record: TrialRecord) -> None:
        """Tell the study; a paused trial stays running there and comes first in the next run."""
        trials = self._flights.pop(record.id)
        if record.state == "paused":
            return
        outcome = outcome_of(record, self._objective, self._names)
        for trial in trials:
            self._study.tell(trial, outcome)


def outcome_of(record: TrialRecord, objective: Objective, names: Sequence[Name] = ("target_loss",)) -> Outcome:
    """What a study is told of a trial that is over; `names` of what it minimises."""
    if diverged(record):
        return Outcome("diverged")
    if record.last is None or record.state not in ("completed", "pruned"):
        return Outcome("failed")
    excess = None if "constraint_loss" in names else objective.on(record).excess(record.last)
    if record.state == "pruned":
        return Outcome("pruned", excess=excess)
    return Outcome("completed", objective_values(record, objective, names), excess)


def is_final(record: TrialRecord) -> bool:
    """Whether running a trial again would change nothing: it has its result, or would fail the same way."""
    return record.is_final


def diverged(record: TrialRecord) -> bool:
    """Whether a trial failed by what its setting does to the loss."""
    return record.state == "failed" and record.reason.startswith("diverged")
