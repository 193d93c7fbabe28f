"""Reads the documents of a text, JSON lines or parquet file."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from trainers.errors import TrainerError

KINDS = (".txt", ".jsonl", ".parquet")
_PACKINGS = (".gz", ".zst")
WHOLE_TEXT_BYTES = 1_000_000
"""A text file up to this size is one document; a larger one is a document a paragraph, as `sweeper prepare` has it."""


def is_document_file(path: Path) -> bool:
    """Whether a path's name says that it holds documents."""
    return _kind(path) in KINDS


def read_documents(path: Path, text_field: str) -> Iterator[str]:
    """The documents of a file, in its order, without empty ones.

    Raises:
        TrainerError: the file is damaged, or a row lacks the field.
    """
    try:
        yield from (text for text in _read(path, text_field) if text.strip())
    except UnicodeDecodeError as error:
        raise TrainerError(f"{path}: is not text in UTF-8 ({error.reason})") from None
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise TrainerError(f"{path}: cannot be read ({error}); check the path, or copy the file again") from None


def _read(path: Path, text_field: str) -> Iterator[str]:
    if _kind(path) == ".parquet":
        return _read_parquet(path, text_field)
    return _read_text(path) if _kind(path) == ".txt" else _read_jsonl(path, text_field)


def _kind(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix in _PACKINGS else path.suffix


def _open(path: Path) -> BinaryIO | io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zst":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True))
    return path.open("rb")


def _read_text(path: Path) -> Iterator[str]:
    with _open(path) as stream:
        text = stream.read().decode("utf-8")
    if len(text.encode("utf-8")) <= WHOLE_TEXT_BYTES:
        yield text
        return
    held: list[str] = []
    for line in io.StringIO(text):
        if line.strip():
            held.append(line)
        elif held:
            yield "".join(held)
            held = []
    yield "".join(held)


def _read_jsonl(path: Path, text_field: str) -> Iterator[str]:
    with _open(path) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _field(path, number, line, text_field)


def _field(path: Path, number: int, line: bytes, text_field: str) -> str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        raise TrainerError(f"{path}, line {number}: is not JSON") from None
    text = row.get(text_field) if isinstance(row, dict) else None
    if not isinstance(text, str):
        known = f"it has {', '.join(row)}" if isinstance(row, dict) else "it is no object"
        raise TrainerError(
            f"{path}, line {number}: has no text in the field {text_field!r} ({known}); give --text-field"
        )
    return text


def _read_parquet(path: Path, text_field: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise TrainerError(f"{path}: is not a parquet file ({error})") from None
    if text_field not in file.schema_arrow.names:
        names = ", ".join(file.schema_arrow.names)
        raise TrainerError(f"{path}: has no column {text_field!r} (it has {names}); give --text-field")
    for batch in file.iter_batches(columns=[text_field]):
        yield from (text for text in batch.column(0).to_pylist() if isinstance(text, str))
