"""Trial records on disk: the truth about what was computed, whatever becomes of Ray."""

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sweeper.errors import SweeperError
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Progress
from trainers.spec import TrialSpec

_RECORD = TypeAdapter(TrialRecord)


class TrialStore:
    """One JSON file a trial under `folder`, written whole at each measurement; keyed by the identity of the spec.

    It observes the lanes (`sweeper.lanes.source.TrialObserver`). What it holds survives a `kill -9` or a power cut at
    any instant: a file is replaced in one step.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records = {record.id: record for record in _read_all(folder)}

    def __iter__(self) -> Iterator[TrialRecord]:
        """Every trial, the earliest first."""
        return iter(sorted(self._records.values(), key=lambda record: (record.started_at, record.id)))

    def record(self, spec: TrialSpec, **labels: str) -> TrialRecord:
        """The trial of a spec: what is on disk, with where and how to run it taken from `spec`; else a new one."""
        known = self._records.get(spec.id)
        if known is None:
            known = self._records[spec.id] = TrialRecord(spec)
        known.spec = spec
        known.labels |= labels
        return known

    def get(self, trial_id: str) -> TrialRecord | None:
        """A trial by its id."""
        return self._records.get(trial_id)

    def save(self, record: TrialRecord) -> None:
        """Write a record, in one step."""
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{record.id}.json"
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(_RECORD.dump_json(record))
            file.flush()
            os.fsync(file.fileno())  # or a machine that loses its power may keep the name without the content
        partial.replace(target)

    def trial_started(self, record: TrialRecord) -> None:
        """Write that it runs."""
        self.save(record)

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Write what came in."""
        self.save(record)

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Nothing worth keeping."""

    def noticed(self, record: TrialRecord, text: str) -> None:
        """The log has it."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Write how it ended."""
        self.save(record)


def _read_all(folder: Path) -> Iterator[TrialRecord]:
    for path in sorted(folder.glob("*.json")):
        try:
            yield _RECORD.validate_json(path.read_bytes())
        except ValidationError as error:
            raise SweeperError(
                f"{path}: not a trial record of this version ({error.error_count()} faults); "
                "move it away to have the trial run again"
            ) from error
