"""What the search minimises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement

Name = Literal["target_loss", "constraint_loss", "tokens", "flops"]


@dataclass(frozen=True)
class Objective:
    """The target's loss, while the constrained corpus' loss stays within its limit.

    Called, it gives one number for every measurement: the target's loss plus `penalty` times what the constrained
    corpus' loss exceeds its limit by (nats per token). So trials are compared at rungs, where some break the constraint
    only for now, and where all of them break it.
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
        return measurement.loss(self.target) + self.penalty * max(0.0, self.excess(measurement))

    def excess(self, measurement: Measurement) -> float:
        """What the constrained corpus' loss exceeds its limit by, nats per token; the constraint holds up to 0."""
        return measurement.loss(self.corpus) - self.limit

    def holds(self, measurement: Measurement) -> bool:
        """Whether the constraint holds."""
        return self.excess(measurement) <= 0.0

    def rank(self, record: TrialRecord) -> tuple[bool, float]:
        """Sorts trials: those that hold the constraint first, by the target's loss; the others by what they pay."""
        assert record.last is not None
        return not self.on(record).holds(record.last), self.of(record)


def objective_values(record: TrialRecord, objective: Objective, names: Sequence[Name]) -> tuple[float, ...]:
    """A trial's last measurement by each of several objectives, lower is better.

    Raises:
        ValueError: the trial has no measurement, or its `flops` are asked for before it is finished.
    """
    return tuple(_value(record, objective, name) for name in names)


def flops(record: TrialRecord) -> float:
    """Floating-point operations of the training steps, without attention's products.

    A weight and token cost 2 operations forwards, 2 for the gradient of what goes through it, and 2 for its own
    gradient where it is trained (Kaplan et al. 2020, arXiv:2001.08361, section 2.1): 6 N D with full weights, little
    more than 4 N D with adapters.

    Raises:
        ValueError: the trial is not finished.
    """
    end = record.finished
    if end is None:
        raise ValueError(f"trial {record.id} is not finished: its operations are not known")
    return (4.0 * end.params + 2.0 * end.trainable_params) * end.tokens


def _value(record: TrialRecord, objective: Objective, name: Name) -> float:
    if record.last is None:
        raise ValueError(f"trial {record.id} has no measurement")
    if name == "flops":
        return flops(record)
    if name == "tokens":
        return float(record.last.tokens)
    return record.last.loss(objective.target if name == "target_loss" else objective.corpus)
