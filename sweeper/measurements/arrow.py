"""Columns as Arrow schemas; what a missing value is in each type."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweeper.measurements.columns import Column

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_schema(columns: Sequence[Column]) -> "pa.Schema":
    """The Arrow schema; units and meanings go along as field metadata."""
    import pyarrow as pa

    types = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64()}
    return pa.schema(
        [pa.field(c.name, types[c.type], metadata={"unit": c.unit, "meaning": c.meaning}) for c in columns]
    )


def missing_value(column: Column) -> Any:
    """Missing is nan for floats, null for integers, and the column's default (mostly empty) for text."""
    return {"string": column.default, "int64": None, "float64": math.nan}[column.type]
