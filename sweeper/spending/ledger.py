"""What was spent, by part: from the trials' records, and from the clock, which a file remembers between calls."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sweeper.experiment.budget import BudgetUnit
from sweeper.spending.meter import Meter
from sweeper.spending.parts import PARTS, Part, part_of
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Progress
from trainers.spec import TrialSpec

WRITE_SECONDS = 2.0
"""Between two writes while trials run: what a driver that is killed forgets of its time at most."""


class Ledger:
    """Counts what trials spend (`sweeper.lanes.source.TrialObserver`).

    Tokens and operations are those that trials have reached, so that nothing counts twice, whatever crashes between;
    hours are those that went by while trials ran. Trials of base models are not counted.

    Args:
        path: The file that remembers; it holds a few numbers a part, and how far trials came that left no measurement.
        unit: Of the budget.
        meter: Counts tokens or operations of a trial.
        records: Trials there are already.
        workers: Of the lane that a trial runs on.
        clock: Seconds.
    """

    def __init__(
        self,
        path: Path,
        unit: BudgetUnit,
        meter: Meter,
        records: Iterable[TrialRecord],
        workers: Callable[[TrialSpec], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._unit, self._meter, self._workers, self._clock = path, unit, meter, workers, clock
        known = _read(path)
        self._worker_seconds: dict[Part, float] = {part: known["worker_seconds"].get(part, 0.0) for part in PARTS}
        self._clock_seconds: dict[Part, float] = {part: known["clock_seconds"].get(part, 0.0) for part in PARTS}
        self._reached: dict[str, int] = dict(known["reached"])
        self._amounts: dict[str, float] = {}
        self._sums: dict[Part, float] = dict.fromkeys(PARTS, 0.0)
        self._running: dict[str, Part] = {}
        self._lane: dict[str, int] = {}
        """Workers that each trial in flight holds."""
        self._held: dict[str, float] = {}
        """Worker-seconds of each trial since this call began."""
        self._at = self._written = clock()
        self._lock = threading.RLock()  # the progress display asks from a thread of its own
        for record in records:
            self._count(record)

    # What was spent --------------------------------------------------------------------------------------------------

    def spent(self) -> dict[Part, float]:
        """So far, by part."""
        with self._lock:
            self._tick()
            if self._unit == "hours":
                return {part: seconds / 3600 for part, seconds in self._clock_seconds.items()}
            if self._unit == "gpu_hours":
                return {part: seconds / 3600 for part, seconds in self._worker_seconds.items()}
            return dict(self._sums)

    def spent_by(self, record: TrialRecord) -> float:
        """By one trial; of hours, since this call began."""
        with self._lock:
            self._tick()
            if self._meter.exact:
                return self._amounts.get(record.id, 0.0)
            return self._held.get(record.id, 0.0) / 3600

    def reached(self, record: TrialRecord) -> int:
        """Tokens that a trial is known to have come to."""
        return max(_said_by(record), self._reached.get(record.id, 0))

    # What the lanes say ----------------------------------------------------------------------------------------------

    def trial_started(self, record: TrialRecord) -> None:
        """Its lane is paid for from now on."""
        part = part_of(record)
        if part is not None:
            with self._lock:
                self._tick()
                self._running[record.id], self._lane[record.id] = part, self._workers(record.spec)

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """It came so far."""
        with self._lock:
            self._count(record)
            self._write_now_and_then()

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """It came so far, and no measurement says so yet."""
        if part_of(record) is not None:
            with self._lock:
                if progress.tokens > self.reached(record):
                    self._reached[record.id] = progress.tokens
                self._count(record)
                self._write_now_and_then()

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Nothing to count."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Its lane is free."""
        with self._lock:
            self._tick()
            if self._running.pop(record.id, None) is not None:
                self._meter.learn(record)
            self._count(record)
            if self._reached.get(record.id, 0) <= _said_by(record):
                self._reached.pop(record.id, None)
            self._write()

    # -----------------------------------------------------------------------------------------------------------------

    def _count(self, record: TrialRecord) -> None:
        part = part_of(record)
        if part is None or not self._meter.exact:
            return
        amount = self._meter.upto(record.spec, self.reached(record))
        self._sums[part] += amount - self._amounts.get(record.id, 0.0)
        self._amounts[record.id] = amount

    def _tick(self) -> None:
        now = self._clock()
        passed, self._at = now - self._at, now
        for trial, part in self._running.items():
            self._worker_seconds[part] += self._lane[trial] * passed
            self._held[trial] = self._held.get(trial, 0.0) + self._lane[trial] * passed
        for part in set(self._running.values()):
            self._clock_seconds[part] += passed

    def _write_now_and_then(self) -> None:
        self._tick()
        if self._at - self._written >= WRITE_SECONDS:
            self._write()

    def _write(self) -> None:
        self._written = self._at
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(
                {
                    "worker_seconds": self._worker_seconds,
                    "clock_seconds": self._clock_seconds,
                    "reached": self._reached,
                },
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._path)


def _said_by(record: TrialRecord) -> int:
    """Tokens that a trial's record itself says it came to."""
    ended = record.finished.tokens if record.finished else 0
    return max(ended, record.last.tokens if record.last else 0)


def _read(path: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"worker_seconds": {}, "clock_seconds": {}, "reached": {}}
    return {**empty, **json.loads(path.read_text(encoding="utf-8"))} if path.is_file() else empty
