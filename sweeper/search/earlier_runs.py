"""What an earlier run measured, as a warm start reads it: one entry a trial, at its last evaluation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.measurements import MEASUREMENTS_FILE, RATIO_PREFIX, read_table, to_columns
from sweeper.search.errors import WarmStartError

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class EarlierTrial:
    """One trial of an earlier run."""

    method: str
    learning_rate: float
    lora_r: int | None
    domain_ratio: float
    params: float
    tokens: float
    completed: bool
    relative: Mapping[str, float]
    """Loss over base loss, by corpus, where both are known."""
    losses: Mapping[str, float]
    """Nats a token, by corpus."""
    target: str

    @property
    def learnt(self) -> float:
        """The target's loss over its base loss; the loss itself where the base's is not known."""
        return self.relative.get(self.target, self.losses[self.target])


@dataclass(frozen=True)
class EarlierRuns:
    """The trained trials of one output folder."""

    path: Path
    target: str
    corpora: tuple[str, ...]
    columns: Columns
    """Rows of trained trials and base models, for the laws."""
    trials: tuple[EarlierTrial, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """Those measured."""
        return tuple(sorted({trial.method for trial in self.trials}))


def read_earlier(path: Path, target: str, methods: Sequence[str], own: Path | None = None) -> EarlierRuns:
    """Read an earlier output folder, or that of a study's journal.

    Args:
        path: The folder, its table of measurements, or its `study.log`.
        target: The corpus adapted to now; the earlier run may have had another.
        methods: Of the space; the earlier run has to have one of them.
        own: The output folder of the run that is warmed, which it cannot be warmed by.

    Raises:
        WarmStartError: no such folder, none of ours, or one that says nothing about the methods.
    """
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        raise WarmStartError(f"{path} does not exist; give the output folder of an earlier run")
    if own is not None and folder.resolve() == own.resolve():
        raise WarmStartError(f"{path} is this run's own output, which is continued anyway; take it out")
    if not (folder / MEASUREMENTS_FILE).is_file():
        raise WarmStartError(
            f"{path} holds no {MEASUREMENTS_FILE}; give the output folder of an earlier `sweeper run` that got as far "
            "as its laws"
        )
    columns = to_columns(read_table(folder))
    found = _runs(folder, columns, target)
    if not found.trials:
        raise WarmStartError(f"{path} has no trained trial with a learning rate; give another run")
    if not set(found.methods) & set(methods):
        raise WarmStartError(
            f"{path} has trials of {', '.join(found.methods)}, this search of {', '.join(methods)}: it says nothing of "
            "their learning rates; give a run with one of these methods"
        )
    return found


def _runs(path: Path, columns: Columns, target: str) -> EarlierRuns:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    kept = [row for row in rows if row["split"] == "valid" and row["state"] != "failed"]
    trained = [row for row in kept if row["tokens"] > 0 and math.isfinite(row.get("learning_rate", math.nan))]
    earlier_target = _target(path, trained, target)
    corpora = tuple(dict.fromkeys(str(row["corpus"]) for row in trained))
    fitted = [row for row in kept if row["tokens"] == 0 or math.isfinite(row.get("learning_rate", math.nan))]
    by_trial: dict[str, list[dict[str, Any]]] = {}
    for row in trained:
        by_trial.setdefault(row["trial"], []).append(row)
    return EarlierRuns(
        path=path,
        target=earlier_target,
        corpora=corpora,
        columns={name: [row[name] for row in fitted] for name in columns if name not in ("role", "purpose")},
        trials=tuple(_trial(rows, earlier_target) for rows in by_trial.values()),
    )


def _target(path: Path, rows: Sequence[Mapping[str, Any]], target: str) -> str:
    """The corpus whose share the earlier domain ratio was."""
    names = {name.removeprefix(RATIO_PREFIX) for row in rows for name in row if name.startswith(RATIO_PREFIX)}
    fits = sorted(
        name
        for name in names
        if all(math.isclose(row[RATIO_PREFIX + name], row["domain_ratio"], abs_tol=1e-9) for row in rows)
    )
    if rows and not fits:
        raise WarmStartError(f"{path}: its table does not say which corpus its domain ratio is the share of")
    return target if target in fits or not fits else fits[0]


def _trial(rows: Sequence[Mapping[str, Any]], target: str) -> EarlierTrial:
    end = max(row["tokens"] for row in rows)
    last = [row for row in rows if row["tokens"] == end]
    row, rank = last[0], last[0].get("lora_r", math.nan)
    return EarlierTrial(
        method=row["method"],
        learning_rate=row["learning_rate"],
        lora_r=None if rank is None or math.isnan(rank) else int(rank),
        domain_ratio=row["domain_ratio"],
        params=float(row["params"]) if row.get("params") else math.nan,
        tokens=float(end),
        completed=row["state"] == "completed",
        relative={r["corpus"]: r["loss"] / r["base_loss"] for r in last if math.isfinite(r.get("base_loss", math.nan))},
        losses={r["corpus"]: r["loss"] for r in last},
        target=target,
    )
