"""Too many failed trials: when a run stops for them, and what it says then."""

from collections import Counter

from sweeper.lanes.source import TrialSource
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Verdict

ENOUGH = 4
"""Trials that have ended before a share of them says anything."""
ENOUGH_DIVERGED = 10
"""The same where divergence counts: a search that begins with rates too high goes on to lower ones."""
ADVICE = {
    "diverged": "lower the learning rates that are searched (search.space.learning_rate), or warm up for longer "
    "(trainer.warmup_ratio)",
    "out_of_memory": "set trainer.auto_batch or trainer.activation_checkpointing to true, or lower "
    "trainer.per_device_train_batch_size or trainer.max_seq_length",
    "bad_spec": "mend what the reason names",
    "error": "mend what the reason names; the command below shows it in full",
}


class FailureWatch:
    """Passes a source's trials on, and counts how they end (`sweeper.lanes.source.TrialSource`).

    Args:
        source: Of a phase.
        max_share: Of failed trials among those that ended.
    """

    def __init__(self, source: TrialSource, max_share: float) -> None:
        self._source, self._max_share = source, max_share
        self._ended: list[TrialRecord] = []

    def next(self) -> TrialRecord | None:
        """The source's next trial; none once too many have failed."""
        return None if self.too_many else self._source.next()

    def exhausted(self) -> bool:
        """Whether the source is."""
        return self._source.exhausted()

    def left(self) -> int:
        """As many as the source may still give."""
        return 0 if self.too_many else self._source.left()

    @property
    def leaves(self) -> bool:
        """Whether the source's trials may be given out again."""
        return self._source.leaves

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        """As the source judges."""
        return self._source.judge(record, measurement)

    def ended(self, record: TrialRecord) -> None:
        """Count, and tell the source."""
        if record.state != "paused":
            self._ended.append(record)
        self._source.ended(record)

    def objection(self) -> str:
        """Why the run should stop; empty where it should not."""
        return diagnosis(self.failed, len(self._ended), self._max_share) if self.too_many else ""

    @property
    def failed(self) -> list[TrialRecord]:
        """Those that did."""
        return [record for record in self._ended if record.state == "failed"]

    @property
    def too_many(self) -> bool:
        """Whether more than the allowed share has failed."""
        ended, limit = len(self._ended), self._max_share * len(self._ended)
        broken = sum(cause(record) != "diverged" for record in self.failed)
        return (ended >= ENOUGH and broken > limit) or (ended >= ENOUGH_DIVERGED and len(self.failed) > limit)


def cause(record: TrialRecord) -> str:
    """Of a failure: `diverged`, `out_of_memory`, `bad_spec` or `error`."""
    return record.reason.partition(":")[0]


def diagnosis(failed: list[TrialRecord], ended: int, max_share: float) -> str:
    """What ails most of the failed trials, what to do, and the command that shows one of them."""
    most, count = Counter(cause(record) for record in failed).most_common(1)[0]
    reasons = Counter(record.short_reason for record in failed if cause(record) == most)
    example = next(r for r in failed if cause(r) == most and r.short_reason == reasons.most_common(1)[0][0])
    return (
        f"{len(failed)} of {ended} trials failed, more than resources.max_failed_share: {max_share:g} allows; the run "
        f"stops here and what it has is kept\n"
        f"most often ({count} of {len(failed)}): {example.short_reason}\n"
        f"what to do: {ADVICE.get(most, ADVICE['error'])}; then the same command goes on\n"
        f"one of them alone: {example.reproduce}"
    )
