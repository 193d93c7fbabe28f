"""Trials that a design chooses: run as far as that is worth its tokens, left, and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sweeper.design.chooser import Choice, Chooser
from sweeper.search.source import diverged, is_final
from sweeper.trials.record import TrialRecord
from trainers.messages import CONTINUE, Measurement, Verdict

FAITHFUL = 1.3
"""How much more for its tokens another run must promise than the one at hand: changing over has its price too."""


class Book(Protocol):
    """Where the trials of a design come from, and who is told of them."""

    def begin(self, setting: int) -> TrialRecord:
        """The trial of a setting, by its number."""

    def tell(self, record: TrialRecord) -> None:
        """A trial is over for good."""


@dataclass(frozen=True)
class Enough:
    """When to stop.

    Attributes:
        runs: Trials to begin at most.
        cost: To spend at most, all trials together; a token costs what the chooser says.
    """

    runs: int
    cost: float


class DesignedTrials:
    """Asks the chooser when a lane is free, and at every rung whether to go on (`sweeper.lanes.source.TrialSource`).

    A trial that is left writes a checkpoint and is paused; it is over once the design is.

    Args:
        chooser: Weighs settings and runs.
        book: Makes records of settings.
        enough: When to stop.
        losses: What the chooser is told of a measurement, by the names of its goal.
        least: Tokens before which trials of a setting, by number, are not left.
        known: Trials of an earlier call, each with the number of its setting, in the order they were begun.
    """

    def __init__(
        self,
        chooser: Chooser,
        book: Book,
        enough: Enough,
        losses: Callable[[TrialRecord, Measurement], Mapping[str, float]],
        known: Sequence[tuple[int, TrialRecord]] = (),
        least: Mapping[int, int] | None = None,
    ) -> None:
        self.chooser, self._book, self._enough, self._losses = chooser, book, enough, losses
        self._least = least or {}
        self.records: list[TrialRecord] = []
        """By the number of the run."""
        self._flying: dict[int, int] = {}
        """Tokens that each run in flight goes to before it is weighed again."""
        self._over = False
        for setting, record in known:
            run = chooser.start(setting)
            self.records.append(record)
            self._take_in(run, record, over=is_final(record))

    def next(self) -> TrialRecord | None:
        """The trial to start or to continue now; None where none is worth it, or not before others report."""
        if self._over:
            return None
        choice = self._choose()
        if choice is None:
            self._over = not self._flying
            return None
        return self._start(choice)

    def exhausted(self) -> bool:
        """True once nothing is worth a run any more and none is in flight."""
        return self._over

    def left(self) -> int:
        """Trials that may still be begun or continued, at most."""
        if self._over:
            return 0
        waiting = sum(not run.over and k not in self._flying for k, run in enumerate(self.chooser.runs))
        return waiting + max(0, self._enough.runs - len(self.records))

    @property
    def leaves(self) -> bool:
        """What is left here may be taken up again."""
        return True

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        """Go on where nothing else is worth more for its tokens."""
        run = self.records.index(record)
        self._observe(run, record)
        if measurement.tokens < self._least.get(self.chooser.runs[run].setting, 0):
            self._flying[run] = self._next_stop(measurement.tokens)
            return CONTINUE
        self._flying.pop(run, None)
        choice = self._choose(faithful=run)
        if choice is not None and choice.run == run:
            self._flying[run] = choice.tokens
            return CONTINUE
        reason = "nothing is worth a run any more" if choice is None else "another run promises more for its tokens"
        return Verdict(action="pause", reason=f"at {measurement.tokens} tokens: {reason}")

    def ended(self, record: TrialRecord) -> None:
        """Take in what it measured."""
        run = self.records.index(record)
        self._flying.pop(run, None)
        self._take_in(run, record, over=record.state != "paused")
        if record.state != "paused":
            self._book.tell(record)

    def close(self) -> list[TrialRecord]:
        """The design is over: what was left is over too, and is pruned. Returns those."""
        left = [record for record in self.records if record.state == "paused"]
        for record in left:
            record.state, record.reason = "pruned", record.reason or "left: it could not win"
            self._book.tell(record)
        return left

    # -----------------------------------------------------------------------------------------------------------------

    def _choose(self, faithful: int | None = None) -> Choice | None:
        pending = [self._pending(run, tokens) for run, tokens in self._flying.items()]
        afford, fresh = self._enough.cost - self._spent(), len(self.records) < self._enough.runs
        return self.chooser.next(afford, pending, faithful=faithful, faith=FAITHFUL, fresh=fresh)

    def _spent(self) -> float:
        """By all runs, as far as they were measured, and by those in flight up to their next measurement."""
        runs = enumerate(self.chooser.runs)
        return sum(self.chooser.price(run.setting) * max(run.tokens, self._flying.get(k, 0)) for k, run in runs)

    def _next_stop(self, tokens: int) -> int:
        return next((t for t in self.chooser.checkpoints if t > tokens), tokens)

    def _pending(self, run: int, tokens: int) -> Choice:
        return Choice(self.chooser.runs[run].setting, run, tokens, 0.0, None)

    def _start(self, choice: Choice) -> TrialRecord | None:
        if choice.run is not None:
            self._flying[choice.run] = choice.tokens
            return self.records[choice.run]
        record = self._book.begin(choice.setting)
        twin = record in self.records
        run = self.chooser.start(choice.setting)
        self.records.append(record)
        self._take_in(run, record, over=twin or is_final(record))
        if self.chooser.runs[run].over:  # another setting's trial is the same, or it was trained before
            if not twin:
                self._book.tell(record)
            return self.next()
        self._flying[run] = choice.tokens
        return record

    def _take_in(self, run: int, record: TrialRecord, *, over: bool) -> None:
        self._observe(run, record)
        self.chooser.runs[run].over = over
        if diverged(record):
            self.chooser.lose(run)

    def _observe(self, run: int, record: TrialRecord) -> None:
        for measurement in record.measurements:
            if measurement.tokens > 0:
                self.chooser.observe(run, measurement.tokens, self._losses(record, measurement))
