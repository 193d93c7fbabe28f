"""Trials within a budget: a source around a source."""

from collections.abc import Callable

from sweeper.lanes.source import TrialSource
from sweeper.spending.parts import part_of
from sweeper.spending.purse import Purse
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Verdict


class BudgetedTrials:
    """Passes on what the purse grants (`sweeper.lanes.source.TrialSource`).

    A trial that is not granted waits until others have ended that were promised more than they used; where none runs
    any more it is given back to its source as paused.

    Args:
        source: Of trials; every evaluation of theirs has to be a rung, or they are stopped at their end alone.
        purse: What pays.
        why: Said of trials that are stopped.
        keep: What has to stay for later trials of the same part.
        in_order: Whether trials come in a fixed order: a cheaper one behind may fit then, and one that is stopped
            writes a checkpoint, so as to go on when the budget is raised. Else one waits at a time, and the source says
            what becomes of those that are stopped.
    """

    def __init__(
        self,
        source: TrialSource,
        purse: Purse,
        why: str,
        *,
        keep: Callable[[], float] = lambda: 0.0,
        in_order: bool = False,
    ) -> None:
        self._source, self._purse, self._why = source, purse, why
        self._keep, self._in_order = keep, in_order
        self._running: set[str] = set()
        self._waiting: list[TrialRecord] = []
        self.cut: list[TrialRecord] = []
        """Trials that were stopped."""
        self.left_out: list[TrialRecord] = []
        """Trials that were not begun, or not gone on with."""

    def next(self) -> TrialRecord | None:
        """The first trial that is granted."""
        record = self._offer()
        if record is not None:
            self._waiting.remove(record)
            self._running.add(record.id)
        return record

    def exhausted(self) -> bool:
        """True once the source is and nothing waits, or nothing runs that could make room for what does."""
        if self._running:
            return not self._waiting and self._source.exhausted()
        record = self._offer()
        if record is not None:
            self._purse.release(record)  # until it is asked for
            return False
        return bool(self._waiting) or self._source.exhausted()

    def left(self) -> int:
        """As many as the source may still give, and those that wait."""
        return self._source.left() + len(self._waiting)

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        """As the source judges; then the budget."""
        verdict = self._source.judge(record, measurement)
        if verdict.action != "continue" or self._granted(record, measurement.tokens):
            return verdict
        self.cut.append(record)
        return Verdict(action="pause" if self.leaves else "stop", reason=f"at {measurement.tokens} tokens: {self._why}")

    @property
    def leaves(self) -> bool:
        """Whether a trial that is stopped may go on."""
        return self._in_order or self._source.leaves

    def ended(self, record: TrialRecord) -> None:
        """What it did not use is free."""
        self._purse.release(record)
        self._running.discard(record.id)
        self._source.ended(record)

    def close(self) -> None:
        """Give back what waits still; a trial that never began stays as it was."""
        for record in self._waiting:
            before, record.state = record.state, "paused"
            self._source.ended(record)
            if record.started_at:
                record.reason = self._why
            else:
                record.state = before
        self.left_out, self._waiting = self._waiting, []

    def _offer(self) -> TrialRecord | None:
        """The first of those that wait or come that is granted; it waits until it is taken."""
        for record in self._waiting:
            if self._granted(record):
                return record
        while self._in_order or not self._waiting:
            new = self._source.next()
            if new is None:
                return None
            self._waiting.append(new)
            if self._granted(new):
                return new
        return None

    def _granted(self, record: TrialRecord, at: int = 0) -> bool:
        part = part_of(record)
        return part is None or self._purse.grant(record, part, self._keep(), at)
