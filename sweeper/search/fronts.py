"""What a search's trials trade off: their Pareto front, and how much it covers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.search.objective import Name, Objective, objective_values
from sweeper.search.pareto import front, hypervolume
from sweeper.trials.record import TrialRecord


@dataclass(frozen=True)
class Front:
    """The completed trials that no other beats in everything, by rising target loss."""

    names: tuple[Name, ...]
    trials: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    """(trials, objectives)."""
    reference: tuple[float, ...]
    """What the volume is measured to; known before the search, so that volumes of one experiment can be compared."""
    hypervolume: float
    """In the product of the objectives' units; grows with every trial that moves the front."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "objectives": list(self.names),
            "trials": [
                {"trial": trial, **dict(zip(self.names, values, strict=True))}
                for trial, values in zip(self.trials, self.values, strict=True)
            ],
            "reference": dict(zip(self.names, self.reference, strict=True)),
            "hypervolume": self.hypervolume,
        }


def front_of(
    records: Sequence[TrialRecord], objective: Objective, names: Sequence[Name], reference: Mapping[Name, float]
) -> Front:
    """The front of the completed trials.

    Args:
        records: Trials of the search.
        objective: Names the corpora.
        names: What is traded off.
        reference: Values from which on an objective is worth nothing.
    """
    completed = [r for r in records if r.state == "completed" and r.last is not None]
    points = [objective_values(record, objective, names) for record in completed]
    kept = sorted(front(points), key=lambda i: points[i])
    end = tuple(reference[name] for name in names)
    return Front(
        names=tuple(names),
        trials=tuple(completed[i].id for i in kept),
        values=tuple(points[i] for i in kept),
        reference=end,
        hypervolume=hypervolume([points[i] for i in kept], end),
    )
