"""From a mapping of columns (a CSV, a data frame, a dictionary) to a checked `Table`."""

from dataclasses import replace

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Strings
from sweeper.laws.errors import LawError
from sweeper.laws.tables.parsing import Columns, parse_numbers, parse_strings
from sweeper.laws.tables.shares import read_shares
from sweeper.laws.tables.table import Table

REQUIRED = ("corpus", "tokens", "loss")
_ALLOWED = {
    "tokens": (0.0, np.inf, "0 or more tokens"),
    "loss": (1e-9, np.inf, "a positive number of nats a token"),
    "base_loss": (1e-9, np.inf, "a positive number of nats a token"),
    "params": (1.0, np.inf, "1 or more parameters"),
    "lr_area": (0.0, np.inf, "0 or more tokens"),
    "lr_fraction": (0.0, 1.0 + 1e-9, "between 0 and 1"),
}


def table_from_columns(columns: Columns, *, target: str | None = None) -> Table:
    """Checks columns and makes a `Table` of them; columns that it does not know are left out.

    Needed: `corpus`, `tokens`, `loss`, and the mixture as `domain_ratio` or `ratio.NAME` columns. What else is missing
    reduces the laws, which the table's notes say. Rows of splits other than `valid` are left out, and where the table
    has rows of role `law` only those and rows of role `base` are kept: what search pruned and what confirms is not
    fitted.

    Args:
        columns: Name to values, all of one length.
        target: The corpus that `domain_ratio` is the share of; found from the table where it can be.

    Raises:
        LawError: a column is missing, of another length, or has a value that is not allowed (named with its row).
    """
    _check_shape(columns)
    columns, notes = _keep_rows(columns)
    rows = len(columns["loss"])
    numbers = {name: _numbers(columns, name, rows) for name in _NUMERIC}
    _check_values(numbers, needed=tuple(name for name in (*REQUIRED, "params") if name in columns))
    corpus = parse_strings(columns, "corpus", rows)
    shares = read_shares(columns, corpus, numbers["tokens"], target)
    notes += shares.notes + _missing_notes(columns)
    if "params" not in columns:
        numbers["params"] = np.ones(rows)
    _fill_schedule(numbers)
    method = parse_strings(columns, "method", rows)
    table = Table(
        corpus=corpus,
        domain_ratio=shares.domain_ratio,
        share=shares.own,
        method=method,
        trial=_trials(numbers, method, shares.domain_ratio, columns),
        target=shares.target,
        remainder=shares.remainder,
        notes=tuple(notes),
        **numbers,
    )
    return _with_base_losses(table)


_NUMERIC = (
    "params", "tokens", "loss", "stderr", "base_loss", "lr_area", "lr_fraction", "unique_tokens", "seed", "lora_r",
    "learning_rate",
)  # fmt: skip


def _check_shape(columns: Columns) -> None:
    for name in REQUIRED:
        if name not in columns:
            raise LawError(f"{name}: the table has no such column; needed are {', '.join(REQUIRED)} and the mixture")
    lengths = {name: len(values) for name, values in columns.items()}
    rows = lengths["loss"]
    if rows == 0:
        raise LawError("loss: the table has no rows")
    for name, length in lengths.items():
        if length != rows:
            raise LawError(f"{name}: {length} values, but loss has {rows}; every column needs one value a row")


def _keep_rows(columns: Columns) -> tuple[Columns, list[str]]:
    rows = len(columns["loss"])
    keep = np.ones(rows, dtype=np.bool_)
    notes = []
    if "split" in columns:
        keep &= parse_strings(columns, "split", rows) == "valid"
        if not keep.any():
            raise LawError("split: no row is `valid`; laws are fitted to validation losses")
    role = parse_strings(columns, "role", rows)
    if np.any((role == "law") & keep):
        keep &= np.isin(role, ("law", "base"))
        notes.append("Only rows of role law (and base) are used.")
    if keep.all():
        return columns, notes
    return {name: [v for v, k in zip(values, keep, strict=True) if k] for name, values in columns.items()}, notes


def _numbers(columns: Columns, name: str, rows: int) -> Floats:
    return parse_numbers(columns[name], name) if name in columns else np.full(rows, np.nan)


def _check_values(numbers: dict[str, Floats], needed: tuple[str, ...]) -> None:
    for name, (low, high, allowed) in _ALLOWED.items():
        values = numbers[name]
        wrong: Bools = (values < low) | (values > high) | np.isinf(values)
        if name in needed:
            wrong |= np.isnan(values)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise LawError(f"{name}: row {row} has {values[row]}, allowed is {allowed}; mend or leave out the row")


def _missing_notes(columns: Columns) -> list[str]:
    notes = []
    if "params" not in columns:
        notes.append("No column params: all rows are taken for one model size.")
    if "lr_area" not in columns:
        notes.append("No column lr_area: a constant learning rate is assumed (area = tokens).")
    if "trial" not in columns:
        notes.append("No column trial: rows of one mixture, size, method, rate, rank and seed are taken for one run.")
    return notes


def _fill_schedule(numbers: dict[str, Floats]) -> None:
    area, fraction = numbers["lr_area"], numbers["lr_fraction"]
    numbers["lr_area"] = np.where(np.isnan(area), numbers["tokens"], area)
    numbers["lr_fraction"] = np.where(np.isnan(fraction), 1.0, np.minimum(fraction, 1.0))


def _trials(numbers: dict[str, Floats], method: Strings, ratio: Floats, columns: Columns) -> Strings:
    rows = len(ratio)
    if "trial" in columns:
        return parse_strings(columns, "trial", rows)
    parts = [numbers[name] for name in ("params", "learning_rate", "lora_r", "seed")]
    keys = zip(method, ratio, *parts, strict=True)
    return np.array(["/".join(str(part) for part in key) for key in keys], dtype=np.str_)


def _with_base_losses(table: Table) -> Table:
    """Fills missing base losses from the rows at tokens = 0 of the same corpus, size and method."""
    base = table.base_loss.copy()
    for row in np.flatnonzero(np.isnan(base)):
        same = (table.tokens == 0) & (table.corpus == table.corpus[row]) & (table.params == table.params[row])
        same &= table.method == table.method[row]
        if same.any():
            base[row] = float(np.mean(table.loss[same]))
    return replace(table, base_loss=base)
