"""The trials table and the search's points from the columns of the table of measurements."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.report.data import Cell, SearchPoint, Table

Columns = Mapping[str, Sequence[Any]]
Row = dict[str, Any]


def trials_table(columns: Columns) -> Table:
    """One row a trial: what it was and its last validation loss on each corpus."""
    corpora = tuple(dict.fromkeys(columns["corpus"]))
    rows = tuple(_trial_row(last, corpora) for last in _last_by_trial(columns).values())
    heads = ("trial", "role", "base model", "method", "learning rate", "rank", "domain ratio", "seed", "tokens")
    return Table((*heads, *(f"{name} loss" for name in corpora), "state"), rows, scientific=("learning rate",))


def search_points(columns: Columns, objectives: Mapping[str, float]) -> tuple[SearchPoint, ...]:
    """The search trials.

    Args:
        columns: Of the table of measurements.
        objectives: What the search minimised, by trial, in the order of the trials; others are left out.
    """
    last = {trial: next(iter(rows.values())) for trial, rows in _last_by_trial(columns).items()}
    return tuple(
        SearchPoint(
            trial=trial,
            learning_rate=row["learning_rate"],
            objective=objective,
            method=row["method"],
            domain_ratio=row["domain_ratio"],
            pruned=row["state"] == "pruned",
            lora_r=_whole(row.get("lora_r")),
        )
        for trial, objective in objectives.items()
        if (row := last.get(trial)) is not None
    )


def _last_by_trial(columns: Columns) -> dict[str, dict[str, Row]]:
    """The latest validation row by trial and corpus."""
    last: dict[str, dict[str, Row]] = {}
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        own = last.setdefault(row["trial"], {})
        known = own.get(row["corpus"])
        if row["split"] == "valid" and (known is None or row["tokens"] >= known["tokens"]):
            own[row["corpus"]] = row
    return {trial: rows for trial, rows in last.items() if rows}


def _trial_row(last: Mapping[str, Row], corpora: Sequence[str]) -> tuple[Cell, ...]:
    row = next(iter(last.values()))
    return (
        row["trial"],
        row["role"],
        row["base_model"],
        row["method"],
        _known(row.get("learning_rate")),
        _whole(row.get("lora_r")),
        _known(row["domain_ratio"]),
        _whole(row.get("seed")),
        _whole(row["tokens"]),
        *(_known(last[name]["loss"]) if name in last else None for name in corpora),
        row["state"],
    )


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _whole(value: float | None) -> int | None:
    known = _known(value)
    return None if known is None else int(known)
