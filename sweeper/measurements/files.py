"""Measurements on disk: written atomically as parquet and CSV, read as the contract's types."""

import csv
import filecmp
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.measurements.reading import MEASUREMENTS_FILE, read_columns
from sweeper.measurements.validate import typed_columns

if TYPE_CHECKING:
    import pyarrow as pa

CSV_FILE = "measurements.csv"
DOCUMENTS_FILE = "document_losses.parquet"


def write_measurements(folder: str | Path, table: "pa.Table") -> None:
    """Write `measurements.parquet` and `measurements.csv` into the folder, each at once or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write_parquet(folder / MEASUREMENTS_FILE, table)
    _replace(folder / CSV_FILE, lambda path: _write_csv(path, table))


def write_document_losses(folder: str | Path, table: "pa.Table") -> None:
    """Write `document_losses.parquet` into the folder, at once or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _write_parquet(folder / DOCUMENTS_FILE, table)


def read_table(path: str | Path) -> "pa.Table":
    """Read a table of measurements: a parquet file, a CSV file, or a folder that holds `measurements.parquet`.

    Columns that a table from elsewhere lacks get their default or are missing; columns that are not ours are left out.

    Raises:
        MeasurementError: no such file, a missing or misspelt column, or a value of the wrong type.
    """
    found = read_columns(path)
    return _to_table(found.columns, str(found.path))


def to_columns(table: "pa.Table") -> dict[str, list[Any]]:
    """The table as plain lists by column name; a missing number is nan in every numeric column.

    Columns without a single value are left out, so that who reads them can tell absent from known.
    """
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    for field, values in zip(table.schema, table.to_pydict().values(), strict=True):
        if not pa.types.is_string(field.type):
            values = [math.nan if v is None else v for v in values]
        if not all(_is_missing(v) for v in values):
            columns[field.name] = values
    return columns


def _to_table(raw: Mapping[str, list[Any]], source: str) -> "pa.Table":
    import pyarrow as pa

    from sweeper.measurements.arrow import arrow_schema

    columns, values = typed_columns(raw, source)
    return pa.table(values, schema=arrow_schema(columns))


def _write_parquet(target: Path, table: "pa.Table") -> None:
    from pyarrow import parquet

    _replace(target, lambda path: parquet.write_table(table, path))


def _write_csv(path: Path, table: "pa.Table") -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows([[_cell(value) for value in row.values()] for row in table.to_pylist()])


def _cell(value: object) -> object:
    return "" if _is_missing(value) else value


def _is_missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _replace(target: Path, write: Callable[[Path], object]) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        if not (target.is_file() and filecmp.cmp(temporary, target, shallow=False)):
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
