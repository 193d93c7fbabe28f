"""What the pipeline may say to a tracker."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Progress

RunStatus = Literal["FINISHED", "FAILED", "KILLED"]


class Tracker(Protocol):
    """Follows one experiment. No method waits for the store (but `finish`), and none raises because of it."""

    @property
    def uri(self) -> str:
        """Where the runs are; empty where nothing is tracked."""

    @property
    def ui_command(self) -> str:
        """The command that shows them; empty where nothing is tracked."""

    @property
    def pending(self) -> bool:
        """Whether something of an earlier process waits to be written."""

    def start(self, params: Mapping[str, object], records: Iterable[TrialRecord] = ()) -> None:
        """Begin, or begin again: `params` describe the experiment, `records` are the trials known so far."""

    def trial_started(self, record: TrialRecord) -> None:
        """A trial begins or goes on."""

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """A trial evaluated."""

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """A sign of life of a trial."""

    def trial_ended(self, record: TrialRecord) -> None:
        """A trial ended; its record says how."""

    def result(self, values: Mapping[str, object]) -> None:
        """Findings of the experiment: numbers become metrics of its run, the rest tags."""

    def artifact(self, path: str | Path, folder: str = "") -> None:
        """A file that belongs to the experiment."""

    def finish(
        self, status: RunStatus = "FINISHED", timeout_seconds: float = 30.0, at_most_seconds: float = 600.0
    ) -> None:
        """Write what is left until nothing was written for `timeout_seconds`; the rest is kept for the next start."""


class NullTracker:
    """Tracks nothing (`mlflow: none`)."""

    uri = ""
    ui_command = ""
    pending = False

    def start(self, params: Mapping[str, object], records: Iterable[TrialRecord] = ()) -> None:
        """Do nothing."""

    def trial_started(self, record: TrialRecord) -> None:
        """Do nothing."""

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Do nothing."""

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Do nothing."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Do nothing."""

    def result(self, values: Mapping[str, object]) -> None:
        """Do nothing."""

    def artifact(self, path: str | Path, folder: str = "") -> None:
        """Do nothing."""

    def finish(
        self, status: RunStatus = "FINISHED", timeout_seconds: float = 30.0, at_most_seconds: float = 600.0
    ) -> None:
        """Do nothing."""
