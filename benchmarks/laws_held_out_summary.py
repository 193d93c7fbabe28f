"""From single errors to what is reported: medians over units, ratios to D-CPT, coverage."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from benchmarks.laws_held_out_rows import BEYOND, EXTREME, PAST, RATIO, Miss, Unit
from benchmarks.laws_held_out_share import ShareMiss

GOAL = 1 / 3
"""Of D-CPT's median error."""
REFERENCE = "dcpt"
_SHARE_GOAL = 0.01
Errors = Mapping[Unit, float]
TWICE, RATIO_END = "twice the tokens", "ratio, at the end"


@dataclass(frozen=True)
class Question:
    """A kind of held-out rows."""

    name: str
    takes: Callable[[Miss], bool]


QUESTIONS = (
    Question(RATIO, lambda miss: miss.fold == RATIO),
    Question(RATIO_END, lambda miss: miss.fold == RATIO and miss.last),
    Question(EXTREME, lambda miss: miss.fold == EXTREME),
    Question(BEYOND, lambda miss: miss.fold == BEYOND),
    Question(TWICE, lambda miss: miss.fold == BEYOND and miss.last),
    Question(PAST, lambda miss: miss.fold == PAST),
)


def unit_errors(misses: Iterable[Miss]) -> dict[Unit, float]:
    """Mean absolute error of each unit, nats."""
    errors = defaultdict(list)
    for miss in misses:
        errors[miss.unit].append(abs(miss.error))
    return {unit: fmean(each) for unit, each in errors.items()}


def summary(misses: Sequence[Miss], shares: Sequence[ShareMiss]) -> dict[str, Any]:
    """All figures, as plain JSON types."""
    losses: dict[str, Any] = {}
    for question in QUESTIONS:
        mine = [miss for miss in misses if question.takes(miss)]
        roles = sorted({miss.unit.role for miss in mine}, reverse=True)
        losses[question.name] = {role: _of_role([m for m in mine if m.unit.role == role]) for role in roles}
    return {"losses": losses, "share": share_summary(shares)}


def _of_role(misses: Sequence[Miss]) -> dict[str, Any]:
    sides: dict[str, list[Miss]] = defaultdict(list)
    for miss in misses:
        sides[miss.side].append(miss)
    errors = {side: unit_errors(mine) for side, mine in sides.items()}
    return {
        side: {
            "median": median(errors[side].values()),
            "median_over_rows": median(abs(miss.error) for miss in mine),
            "units": len(errors[side]),
            "rows": len(mine),
            "coverage": coverage(mine),
            "by_table": _by_table(errors[side]),
            "coverage_by_table": coverage_by_table(mine),
            **({} if side == REFERENCE else {"to_dcpt": against(errors[side], errors[REFERENCE])}),
        }
        for side, mine in sides.items()
    }


def _by_table(errors: Errors) -> dict[str, float]:
    """Median error of the units of each table."""
    tables: dict[str, list[float]] = defaultdict(list)
    for unit, error in errors.items():
        tables[unit.table].append(error)
    return {table: median(each) for table, each in sorted(tables.items())}


def against(errors: Errors, reference: Errors) -> dict[str, Any]:
    """A side's median error over the reference's: over all units that both judged, and within each table."""
    both = [unit for unit in errors if unit in reference]
    ours, theirs = ({unit: each[unit] for unit in both} for each in (errors, reference))
    tables, theirs_by_table = _by_table(ours), _by_table(theirs)
    ratios = {table: tables[table] / theirs_by_table[table] for table in tables}
    overall = median(ours.values()) / median(theirs.values())
    return {
        "ratio": overall,
        "least": min(ratios.values()),
        "median_over_tables": median(ratios.values()),
        "greatest": max(ratios.values()),
        "goal_met": overall <= GOAL,
        "better_units": sum(ours[unit] < theirs[unit] for unit in both),
        "by_table": ratios,
    }


def coverage(misses: Iterable[Miss]) -> float | None:
    """Share of measured losses within the 90 % interval; None where no side gave one."""
    known = [miss.covered for miss in misses if miss.covered is not None]
    return fmean(known) if known else None


def coverage_by_table(misses: Iterable[Miss]) -> dict[str, float]:
    """The same for each table; empty for baselines."""
    tables: dict[str, list[bool]] = defaultdict(list)
    for miss in misses:
        if miss.covered is not None:
            tables[miss.unit.table].append(miss.covered)
    return {table: fmean(each) for table, each in sorted(tables.items())}


def share_summary(shares: Sequence[ShareMiss]) -> dict[str, Any]:
    """Errors of the ratio up to which the base loss is kept, by side."""
    sides: dict[str, list[ShareMiss]] = defaultdict(list)
    for miss in shares:
        sides[miss.side].append(miss)
    return {
        side: {
            "median": median(abs(miss.error) for miss in mine),
            "median_alike": median(abs(miss.error_alike) for miss in mine),
            "within_0.01": fmean(abs(miss.error) <= _SHARE_GOAL for miss in mine),
            "within_0.01_alike": fmean(abs(miss.error_alike) <= _SHARE_GOAL for miss in mine),
            "coverage": fmean(miss.covered for miss in mine),
            "crossings": len(mine),
            "by_table": _by_table({miss.unit: abs(miss.error) for miss in mine}),
        }
        for side, mine in sides.items()
    }
