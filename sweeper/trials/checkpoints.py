"""Checkpoints of trials that will not go on: deleted once the trial's end is written down, and not before."""

import shutil

from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from trainers.messages import Measurement, Progress


class CheckpointRemover:
    """Deletes checkpoints that nobody needs (`sweeper.lanes.source.TrialObserver`); comes after the store.

    Args:
        store: Trials of earlier runs: one may have died between a record's end and its checkpoints'.
    """

    def __init__(self, store: TrialStore) -> None:
        for record in store:
            self.trial_ended(record)

    def trial_started(self, record: TrialRecord) -> None:
        """Nothing to do."""

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Nothing to do."""

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Nothing to do."""

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Nothing to do."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Delete where the record is final."""
        if record.is_final and record.spec.checkpoint_path is not None:
            shutil.rmtree(record.spec.checkpoint_path, ignore_errors=True)
