"""A table from elsewhere, checked at the door: columns present and well spelt, values of the right type."""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.measurements.arrow import missing_value
from sweeper.measurements.columns import RATIO_PREFIX, Column, columns_for, corpora_of
from sweeper.measurements.errors import MeasurementError

_EMPTY = ("", "nan", "na", "null", "none")


def typed_columns(
    raw: Mapping[str, Sequence[Any]], source: str
) -> tuple[tuple[Column, ...], dict[str, list[str | int | float | None]]]:
    """The columns of the contract with their values converted.

    Args:
        raw: Values by column name, text (from CSV) or typed (from parquet).
        source: Where they come from, for messages.

    Raises:
        MeasurementError: a required column is missing, a name is misspelt, or a value is not of the column's type.
    """
    columns = columns_for(corpora_of(list(raw)))
    _check_names(list(raw), columns, source)
    rows = len(next(iter(raw.values())))
    return columns, {c.name: _convert(c, raw.get(c.name), rows, source) for c in columns}


def _check_names(names: Sequence[str], columns: Sequence[Column], source: str) -> None:
    known = {c.name for c in columns}
    absent = sorted(known - set(names))
    for name in names:
        if name not in known and (close := difflib.get_close_matches(name.lower(), absent, n=1, cutoff=0.8)):
            raise MeasurementError(f"measurements: {source} has a column {name!r}; did you mean {close[0]!r}?")
    missing = [c.name for c in columns if c.required and c.name not in names]
    if "domain_ratio" not in names and not corpora_of(names):
        missing.append("domain_ratio (or ratio.NAME)")
    if missing:
        raise MeasurementError(
            f"measurements: {source} lacks the required column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"it has {', '.join(names) or 'none'} (see docs/measurements.md)"
        )


def _convert(column: Column, values: Sequence[Any] | None, rows: int, source: str) -> list[str | int | float | None]:
    if values is None:
        return [missing_value(column)] * rows
    return [_value(column, value, row, source) for row, value in enumerate(values, start=1)]


def _value(column: Column, value: Any, row: int, source: str) -> str | int | float | None:
    missing: str | float | None = missing_value(column)
    if column.type == "string":
        return missing if value is None or value == "" else str(value)
    if _is_empty(value):
        if column.required and column.name not in _MAY_BE_MISSING:
            raise MeasurementError(f"measurements: {source}, row {row}: {column.name} is empty; a number is needed")
        return missing
    number = _number(value)
    if number is None or (column.type == "int64" and not number.is_integer()):
        wanted = "a whole number" if column.type == "int64" else "a number"
        raise MeasurementError(
            f"measurements: {source}, row {row}: {column.name} is {value!r}, which is not {wanted} ({column.unit})"
        )
    if _is_share(column) and not 0 <= number <= 1:
        raise MeasurementError(
            f"measurements: {source}, row {row}: {column.name} is {value!r}; a share is between 0 and 1"
        )
    return int(number) if column.type == "int64" else number


_MAY_BE_MISSING = ("loss",)
"""Required columns with rows that have no value: a trial that diverged has no loss."""


def _is_share(column: Column) -> bool:
    return column.name == "domain_ratio" or column.name.startswith(RATIO_PREFIX)


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _EMPTY
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
