"""What a run computed, took over and lost."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sweeper.trials.record import TrialRecord


@dataclass
class Counts:
    """Trials by what became of them in this run."""

    reused: set[str] = field(default_factory=set)
    touched: dict[str, TrialRecord] = field(default_factory=dict)
    """Trials that this run started."""

    def reuse(self, records: Iterable[TrialRecord]) -> None:
        """These were there already."""
        self.reused |= {record.id for record in records} - set(self.touched)

    def start(self, record: TrialRecord) -> None:
        """This one was given to a lane."""
        self.touched[record.id] = record
        self.reused.discard(record.id)

    @property
    def computed(self) -> int:
        """Trials that ran here and gave a result, pruned ones included."""
        return sum(record.state in ("completed", "pruned") for record in self.touched.values())

    @property
    def failed(self) -> int:
        """Trials that ran here and failed."""
        return sum(record.state == "failed" for record in self.touched.values())

    def as_dict(self) -> dict[str, int]:
        """For JSON and the last line."""
        pruned = sum(record.state == "pruned" for record in self.touched.values())
        return {"computed": self.computed, "reused": len(self.reused), "failed": self.failed, "pruned": pruned}
