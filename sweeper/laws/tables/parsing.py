"""Values of a column as floats or strings, whatever file they came from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sweeper.laws.arrays import Floats, Strings
from sweeper.laws.errors import LawError

Columns = Mapping[str, Sequence[Any] | np.ndarray[Any, Any]]


def parse_strings(columns: Columns, name: str, rows: int) -> Strings:
    """A column as strings; empty where the column or a value is missing."""
    values = columns.get(name, [""] * rows)
    return np.array(["" if _missing(v) else str(v) for v in values], dtype=np.str_)


def parse_numbers(values: Sequence[Any] | np.ndarray[Any, Any], name: str) -> Floats:
    """Values as floats, with NaN where one is missing.

    Raises:
        LawError: a value is no number.
    """
    result = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            result[row] = np.nan if _missing(value) else float(value)
        except (TypeError, ValueError) as error:
            raise LawError(f"{name}: row {row} has {value!r}, which is not a number") from error
    return result


def _missing(value: Any) -> bool:
    """None, NaN, an empty cell, or what data frames put there (told by their text, so that none is imported)."""
    return value is None or str(value) in ("", "nan", "<NA>", "NaT", "None")
