"""What all phases of a run share: the experiment, its trials on disk, the lanes, and who watches."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweeper.experiment.model import Experiment
from sweeper.lanes.executor import Executor
from sweeper.lanes.source import FixedTrials, TrialSource
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.failures import FailureWatch
from sweeper.pipeline.workspace import Workspace
from sweeper.search.source import is_final
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from trainers.messages import Measurement, Progress
from trainers.spec import TrialSpec

if TYPE_CHECKING:
    from sweeper.pipeline.spending import Spending

_log = logging.getLogger(__name__)


@dataclass
class Session:
    """One call of `run`."""

    experiment: Experiment
    workspace: Workspace
    store: TrialStore
    executor: Executor
    counts: Counts
    say: Callable[[str], None]
    """One line for the user."""
    spending: "Spending | None" = None
    """Its budget, where it has one."""
    used: dict[str, TrialRecord] = field(default_factory=dict)
    """Every trial that belongs to the experiment as it stands now: the table holds these and no left-overs."""

    def run(self, specs: Sequence[TrialSpec], purpose: str, before: Sequence[TrialSpec] = ()) -> list[TrialRecord]:
        """Have every spec trained, those that are not already; returns their records in the same order.

        A budget may stop some, or not let them begin; those of `before`, which run later, come before them then.
        """
        records = [self.record(spec, purpose) for spec in specs]
        unique = list({record.id: record for record in records}.values())
        done = [record for record in unique if is_final(record)]
        self.counts.reuse(done)
        self.drive(FixedTrials([record for record in unique if not is_final(record)]), before)
        return records

    def record(self, spec: TrialSpec, purpose: str) -> TrialRecord:
        """The record of a spec, marked as part of the experiment; the first purpose it served is kept."""
        record = self.store.record(spec)
        record.labels.setdefault("purpose", purpose)
        self.used[record.id] = record
        return record

    def drive(self, source: TrialSource, before: Sequence[TrialSpec] = ()) -> None:
        """Run a source on the lanes, within the budget.

        Raises:
            PhaseError: more of its trials failed than the experiment allows.
        """
        bounded = self.spending.bound(source, before) if self.spending else None
        watch = FailureWatch(bounded or source, self.experiment.resources.max_failed_share)

        def check() -> None:
            if objection := watch.objection():
                raise PhaseError(objection)

        self.executor.run(watch, check)
        if self.spending and bounded:
            self.spending.settle(bounded)
            if bounded.cut or bounded.left_out:
                self.say(
                    f"budget: {len(bounded.cut)} trials stopped, {len(bounded.left_out)} not begun; "
                    f"{self.spending.status()}"
                )

    def require_measured(self, records: Sequence[TrialRecord], what: str) -> None:
        """Stop where the budget let nothing be measured.

        Raises:
            PhaseError: with what budget would do.
        """
        if self.budget_hint and not any(record.last for record in records):
            raise PhaseError(f"{what}: no trial came to its first measurement{self.budget_hint}")

    @property
    def budget_hint(self) -> str:
        """What to do about a budget that left too little measured, as the end of a sentence; else empty."""
        return self.spending.hint() if self.spending else ""

    def settle(self, record: TrialRecord) -> None:
        """A trial that was left is over for good: say so to whoever keeps books."""
        self.executor.settle(record)

    def require(self, records: Sequence[TrialRecord], what: str) -> None:
        """Stop where a trial that later phases stand on has failed.

        Raises:
            PhaseError: naming the trials and their reasons.
        """
        failed = [record for record in records if record.state == "failed"]
        if failed:
            reasons = "; ".join(f"{record.id}: {record.short_reason}" for record in failed[:3])
            raise PhaseError(
                f"{what} failed ({reasons}); the whole reason is in {self.workspace.trials}, and shown by: "
                f"{failed[0].reproduce}"
            )


class PhaseError(Exception):
    """A run cannot go on though nothing the user wrote is wrong; the command line exits with 1."""


class CountingObserver:
    """Counts what is started, and writes ends to the log."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def trial_started(self, record: TrialRecord) -> None:
        """Counted."""
        self._counts.start(record)

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Nothing to do."""

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Nothing to do."""

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Logged."""
        _log.warning("trial %s: %s", record.id, text)

    def trial_ended(self, record: TrialRecord) -> None:
        """Logged."""
        _log.info("trial %s (%s) %s %s", record.id, record.labels.get("purpose", ""), record.state, record.reason)
