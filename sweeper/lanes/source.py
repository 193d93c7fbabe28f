"""Where trials come from, and who hears of them: the two interfaces between the phases and the lanes."""

from collections.abc import Iterable
from typing import Protocol

from sweeper.trials.record import TrialRecord
from trainers.messages import CONTINUE, Measurement, Progress, Verdict


class TrialSource(Protocol):
    """A queue of trials. Called from one thread at a time."""

    def next(self) -> TrialRecord | None:
        """A trial to start now; None where there is none at the moment."""

    def exhausted(self) -> bool:
        """True once `next` will never give another trial."""

    def left(self) -> int:
        """How many trials `next` may still give, at most: so many lanes may be of use."""

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        """The verdict at a rung; `pause` only where `leaves`."""

    @property
    def leaves(self) -> bool:
        """Whether a trial that is told to return may be given out again: it writes a checkpoint then."""

    def ended(self, record: TrialRecord) -> None:
        """A trial of this source is over: completed, pruned, failed or paused."""


class TrialObserver(Protocol):
    """Whoever keeps books: the store on disk, the tracker, the progress display."""

    def trial_started(self, record: TrialRecord) -> None:
        """A trial was handed to a lane."""

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """A measurement came in and is part of the record."""

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """A sign of life."""

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Something that a person should know of and that the trial survives: a lost worker, a damaged checkpoint."""

    def trial_ended(self, record: TrialRecord) -> None:
        """The record is final, or paused until the next run."""


class FixedTrials:
    """Given trials, in their order, none ever pruned."""

    def __init__(self, records: Iterable[TrialRecord]) -> None:
        self._waiting = list(records)

    def next(self) -> TrialRecord | None:
        """The next of the list."""
        return self._waiting.pop(0) if self._waiting else None

    def exhausted(self) -> bool:
        """True when the list is used up."""
        return not self._waiting

    def left(self) -> int:
        """Length of the list."""
        return len(self._waiting)

    @property
    def leaves(self) -> bool:
        """None is told to return."""
        return False

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        """Always go on."""
        return CONTINUE

    def ended(self, record: TrialRecord) -> None:
        """Nothing to learn."""
