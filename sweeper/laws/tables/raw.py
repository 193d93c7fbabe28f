"""Columns as they were given, with the place of every row for messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Ints, Strings
from sweeper.laws.errors import LawError
from sweeper.laws.tables.parsing import is_missing, parse_number

Columns = Mapping[str, Sequence[Any] | np.ndarray[Any, Any]]
_AMOUNTS = ("tokens", "params", "lr_area", "unique_tokens")
"""Columns that may be written with a suffix, as in 160k or 1.3B."""


@dataclass(frozen=True)
class RawTable:
    """Unchecked values, all columns of one length."""

    columns: dict[str, list[Any]]
    rows: Ints
    """Number of each row as a person counts: 1 is the first below the header."""
    lines: Ints | None
    """Line of each row in its file, where that is known."""

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, index: int) -> str:
        """Where a row stands, for messages: `row 3`, or `row 3 (line 4)` where it came from a file of lines."""
        line = "" if self.lines is None else f" (line {self.lines[index]})"
        return f"row {self.rows[index]}{line}"

    def keep(self, keep: Bools) -> "RawTable":
        """The rows where `keep` (rows,) is true."""
        if keep.all():
            return self
        columns = {name: [v for v, k in zip(values, keep, strict=True) if k] for name, values in self.columns.items()}
        return RawTable(columns, self.rows[keep], None if self.lines is None else self.lines[keep])

    def strings(self, name: str) -> Strings:
        """A column as text; empty where the column or a value is missing."""
        values = self.columns.get(name)
        if values is None:
            return np.full(len(self), "", dtype=np.str_)
        return np.array(["" if is_missing(v) else str(v).strip() for v in values], dtype=np.str_)

    def numbers(self, name: str) -> Floats:
        """A column as floats; NaN where the column or a value is missing.

        Raises:
            LawError: a value is no number; named with its row.
        """
        values = self.columns.get(name)
        if values is None:
            return np.full(len(self), np.nan)
        result = np.empty(len(values))
        for index, value in enumerate(values):
            try:
                result[index] = parse_number(value, amount=name in _AMOUNTS)
            except ValueError as error:
                raise LawError(f"{name}: {self.place(index)} has {value!r}, {error}") from error
        return result


def raw_table(columns: Columns, lines: Sequence[int] | None = None) -> RawTable:
    """Any mapping of columns as lists of one length; columns without a single value are taken for absent.

    Raises:
        LawError: no rows, a name that is no text, or columns that differ in length.
    """
    lists: dict[str, list[Any]] = {}
    for name in columns:
        if not isinstance(name, str):
            raise LawError(f"columns: a column is named {name!r}; names are text (docs/measurements.md)")
        lists[name] = _values(name, columns[name])
    rows = len(next(iter(lists.values()), []))
    for name, values in lists.items():
        if len(values) != rows:
            raise LawError(
                f"{name}: {len(values)} values, but {next(iter(lists))} has {rows}; every column needs one value a row"
            )
    if lists and rows == 0:
        raise LawError(f"{'loss' if 'loss' in lists else next(iter(lists))}: the table has no rows")
    full = {name: values for name, values in lists.items() if not all(is_missing(value) for value in values)}
    return RawTable(full, np.arange(1, rows + 1), None if lines is None else np.asarray(lines, dtype=np.int64))


def _values(name: str, values: Any) -> list[Any]:
    if isinstance(values, str | bytes) or not hasattr(values, "__len__") or not hasattr(values, "__iter__"):
        raise LawError(f"{name}: {values!r} is no column; give one value a row")
    return list(values.tolist() if isinstance(values, np.ndarray) else values)
