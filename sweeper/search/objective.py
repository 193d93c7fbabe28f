"""What the search minimises."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement


@dataclass(frozen=True)
class Objective:
    """The target's loss, plus `penalty` times what the constrained corpus' loss exceeds its limit by (nats per token).

    The same quantity decides at rungs and at the end, so that what is pruned is what would lose.
    """

    target: str
    corpus: str
    limit: float
    """Nats per token: (1 + max_increase) times the unquantised base model's loss."""
    penalty: float
    limits: Mapping[str, float] = field(default_factory=dict)
    """Limits of other base models by name, where the search chooses the base model."""

    def of(self, record: TrialRecord) -> float:
        """The value of a trial's last measurement."""
        assert record.last is not None
        return self.on(record)(record.last)

    def on(self, record: TrialRecord) -> "Objective":
        """The objective with the limit of a trial's own base model."""
        return replace(self, limit=self.limits.get(record.spec.model.name, self.limit))

    def __call__(self, measurement: Measurement) -> float:
        """The value of one measurement; lower is better."""
        excess = measurement.loss(self.corpus) - self.limit
        return measurement.loss(self.target) + self.penalty * max(0.0, excess)

    def holds(self, measurement: Measurement) -> bool:
        """Whether the constraint holds."""
        return measurement.loss(self.corpus) <= self.limit
