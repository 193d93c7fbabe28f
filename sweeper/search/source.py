"""The search as a queue of trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sweeper.search.objective import Objective
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
    """

    def __init__(
        self, study: Study, trials: int, objective: Objective, record_of: Callable[[Proposal], TrialRecord]
    ) -> None:
        self._study, self._trials, self._objective, self._record_of = study, trials, objective, record_of
        self._again = study.interrupted()
        self._asked = len(study.trials())
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
        self._asked += 1
        return self._study.ask()

    def exhausted(self) -> bool:
        """True once the study has all its trials."""
        return not self._again and self._asked >= self._trials

    def left(self) -> int:
        """Trials that the study is still to have, with those to run again."""
        return len(self._again) + max(0, self._trials - self._asked)

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        """The study's pruner decides on what the trials are compared by."""
        value = self._objective.on(record)(measurement)
        rung = self._study.rung(record.spec, measurement.tokens)
        prune = False
        for trial in self._flights[record.id]:
            if rung not in self._study.reported(trial):  # a resumed trial may pass a rung again
                trial.report(value, rung)
            prune = trial.should_prune()
        if not prune:
            return CONTINUE
        return Verdict(action="stop", reason=f"at {measurement.tokens} tokens with an objective of {value:.4f}")

    def ended(self, record: TrialRecord) -> None:
        """Tell the study; a paused trial stays running there and comes first in the next run."""
        trials = self._flights.pop(record.id)
        if record.state == "paused":
            return
        for trial in trials:
            if record.state == "completed" and record.last is not None:
                self._study.tell(trial, self._objective.of(record))
            elif record.state == "pruned":
                self._study.tell(trial, "pruned")
            else:
                self._study.tell(trial, "failed")


def is_final(record: TrialRecord) -> bool:
    """Whether running a trial again would change nothing: it has its result, or would fail the same way."""
    return record.state in ("completed", "pruned") or record.reason.startswith("diverged")
