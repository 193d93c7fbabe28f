"""Two trials on the same evaluation documents: which is better, and how sure that is."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from sweeper.measurements.paired import paired_difference
from sweeper.search.objective import Objective
from trainers.messages import Measurement

LEAST_DOCUMENTS = 2
"""Fewer have no spread."""


@dataclass(frozen=True)
class Difference:
    """First minus second: negative where the first is better."""

    difference: float
    """Nats a token."""
    stderr: float
    """Nats a token, over evaluation documents."""

    @property
    def chance(self) -> float:
        """The probability that noise alone makes the first look at least as much worse (one-sided z test)."""
        if self.stderr == 0.0:
            return 0.0 if self.difference > 0 else 1.0
        return 1.0 - NormalDist().cdf(self.difference / self.stderr)

    @property
    def probability_better(self) -> float:
        """That the first is the better one, as far as the choice of documents goes."""
        if self.stderr == 0.0:
            return 0.5 if self.difference == 0 else float(self.difference < 0)
        return NormalDist().cdf(-self.difference / self.stderr)


@dataclass(frozen=True)
class Judged:
    """A measurement and what it is judged by: the limit is that of the trial's own base model."""

    measurement: Measurement
    objective: Objective

    @property
    def value(self) -> float:
        """Nats a token; lower is better."""
        return self.objective(self.measurement)

    @property
    def holds(self) -> bool:
        """Whether the constraint holds."""
        return self.objective.holds(self.measurement)


def objective_difference(first: Judged, second: Judged) -> Difference | None:
    """The difference of two measurements' objectives.

    The constrained corpus counts where one of them breaks its constraint. Its limit is a multiple of the base model's
    loss on the same documents, so it moves with them: that part's error is that of the paired difference, too.

    Returns:
        None where they did not score the same documents, or too few.
    """
    a, b, objective = first.measurement, second.measurement, first.objective
    if not same_documents(a, b, objective.target):
        return None
    target = paired_difference(a, b, objective.target)
    if first.holds and second.holds:
        return Difference(target.difference, target.stderr)
    if not same_documents(a, b, objective.corpus):
        return None
    limited = paired_difference(a, b, objective.corpus)
    return Difference(first.value - second.value, math.hypot(target.stderr, objective.penalty * limited.stderr))


def same_documents(a: Measurement, b: Measurement, corpus: str) -> bool:
    """Whether both scored the same parts of the same documents, and enough of them."""
    first, second = scored_documents(a, corpus), scored_documents(b, corpus)
    return len(first) >= LEAST_DOCUMENTS and {d: n for d, (_, n) in first.items()} == {
        d: n for d, (_, n) in second.items()
    }


def scored_documents(measurement: Measurement, corpus: str) -> dict[int, tuple[float, int]]:
    """Nats and tokens of each validation document of a corpus that was scored."""
    measured = next(x for x in measurement.losses if x.corpus == corpus and x.split == "valid")
    return {d.document: (d.nll, d.tokens) for d in measured.documents if d.tokens > 0}
