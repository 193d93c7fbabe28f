"""Columns written as files, as somebody else would."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    """As CSV or parquet, by the ending."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.table(columns), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path
