"""How a budget is divided among the phases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sweeper.trials.record import TrialRecord

Part = Literal["search", "law", "confirm"]
PARTS: tuple[Part, ...] = ("search", "law", "confirm")
PART_OF_PURPOSE: Mapping[str, Part] = {
    "search": "search", "compare": "law", "learning rate": "law", "law": "law", "confirm": "confirm",
}  # fmt: skip
"""What pays for the trials of a phase."""


def part_of(record: TrialRecord) -> Part | None:
    """The part that a trial is paid from; None for base models, which are not counted."""
    role = record.spec.role
    return PART_OF_PURPOSE.get(record.labels.get("purpose", ""), role) if role != "base" else None


@dataclass(frozen=True)
class Forecast:
    """What the trials of a run would cost that nothing stops."""

    search: float
    law: float
    confirm: float

    @property
    def total(self) -> float:
        """Of all parts."""
        return self.search + self.law + self.confirm


@dataclass(frozen=True)
class Parts:
    """What each part may spend in all, what it spent already included."""

    search: float
    law: float
    confirm: float


def divide(total: float, share: float, forecast: Forecast, spent: Mapping[Part, float]) -> Parts:
    """Divide a budget.

    What was spent on earlier confirming runs is gone; the next one's cost is set aside all the same.

    Args:
        total: The budget.
        share: The search's, of what the confirming run leaves.
        forecast: What trials are expected to cost.
        spent: So far, by part.
    """
    free = max(0.0, total - forecast.confirm - spent["confirm"])
    search = max(share * free, free - forecast.law)
    return Parts(
        search=min(search, free - spent["law"]),
        law=free - spent["search"],
        confirm=total - spent["search"] - spent["law"],
    )
