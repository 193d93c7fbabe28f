"""Columns of a file as they stand in it: CSV or parquet, a run's folder, or anybody's table."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.measurements.errors import MeasurementError

MEASUREMENTS_FILE = "measurements.parquet"
_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class FileColumns:
    """Unchecked values by column name: text from CSV, typed from parquet."""

    columns: dict[str, list[Any]]
    lines: list[int] | None
    """Line of each row in the file; None where it has none."""
    path: Path


def read_columns(path: str | Path) -> FileColumns:
    """Read a parquet file, a CSV file, or the measurements of an output folder.

    Raises:
        MeasurementError: no such file, or one that is neither.
    """
    path = Path(path)
    file = path / MEASUREMENTS_FILE if path.is_dir() else path
    if not file.is_file():
        raise MeasurementError(
            f"measurements: {file} does not exist; give a CSV or parquet file, or an output folder of `sweeper run`"
        )
    if file.suffix.lower() in (".csv", ".txt", ".tsv"):
        return _read_csv(file)
    return FileColumns(_read_parquet(file), None, file)


def _read_parquet(file: Path) -> dict[str, list[Any]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        columns: dict[str, list[Any]] = parquet.ParquetFile(file).read().to_pydict()
    except pa.ArrowInvalid as error:
        raise MeasurementError(
            f"measurements: {file} is not a parquet file ({error}); name a CSV file with the ending .csv"
        ) from error
    return columns


def _read_csv(file: Path) -> FileColumns:
    """Cells without the blanks around them; rows without a value, and columns without a name, are left out."""
    header, body, lines = _cells(file)
    _check_header(header, file)
    for number, (row, line) in enumerate(zip(body, lines, strict=True), start=1):
        if len(row) != len(header):
            raise MeasurementError(
                f"measurements: {file}, row {number} has {len(row)} values where the header names {len(header)} "
                f"columns (line {line})"
            )
    columns = {name: [row[i] for row in body] for i, name in enumerate(header) if name}
    return FileColumns(columns, lines, file)


def _cells(file: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows below it, and the line that each row begins in."""
    rows, lines, next_line = [], [], 1
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.reader(source)
            for row in reader:
                cells, line, next_line = [cell.strip() for cell in row], next_line, reader.line_num + 1
                if any(cells):
                    rows.append(cells)
                    lines.append(line)
    except (UnicodeDecodeError, csv.Error) as error:
        raise MeasurementError(f"measurements: {file} is not CSV in UTF-8 ({error}); save it as such") from error
    return rows[0] if rows else [], rows[1:], lines[1:]


def _check_header(header: list[str], file: Path) -> None:
    for delimiter, word in _OTHER_DELIMITERS.items():
        if len(header) == 1 and delimiter in header[0]:
            raise MeasurementError(
                f"measurements: {file} separates columns by {word}; save it with commas (and decimal points)"
            )
    if repeated := sorted({name for name in header if name and header.count(name) > 1}):
        raise MeasurementError(f"measurements: {file} has the column {', '.join(repeated)} more than once; keep one")
