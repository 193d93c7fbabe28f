"""What the search minimises."""

from dataclasses import dataclass

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

    def __call__(self, measurement: Measurement) -> float:
        """The value of one measurement; lower is better."""
        excess = measurement.loss(self.corpus) - self.limit
        return measurement.loss(self.target) + self.penalty * max(0.0, excess)

    def holds(self, measurement: Measurement) -> bool:
        """Whether the constraint holds."""
        return measurement.loss(self.corpus) <= self.limit
