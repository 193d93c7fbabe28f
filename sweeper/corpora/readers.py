"""Read the documents of local files: jsonl, text and parquet, plain or compressed."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sweeper.corpora.documents import BadDocument, Item, document_or_bad
from sweeper.corpora.errors import CorpusError
from sweeper.corpora.files import kind_of

Bytes = io.BufferedIOBase | BinaryIO
WHOLE_TEXT_BYTES = 1_000_000
"""A text file up to this size is one document; a larger one is a document a paragraph."""


def read_file(path: Path, text_field: str) -> Iterator[Item]:
    """The documents of one file.

    Raises:
        CorpusError: the file is damaged, or a table lacks the column.
    """
    kind = kind_of(path)
    if kind is None:
        raise CorpusError(f"source: {path} is not of a kind that is read")
    if kind[0] == "parquet":
        return _read_parquet(path, text_field)
    return _read_jsonl(path, text_field) if kind[0] == "jsonl" else _read_text(path)


@contextmanager
def _open(path: Path) -> Iterator[tuple[Bytes, BinaryIO]]:
    """The decompressed stream and the raw file below it, whose position tells the progress."""
    import zstandard

    with path.open("rb") as raw:
        try:
            match kind_of(path):
                case (_, "gz"):
                    with gzip.open(raw) as stream:
                        yield stream, raw
                case (_, "zst"):
                    reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
                    yield io.BufferedReader(reader, 1 << 20), raw
                case _:
                    yield raw, raw
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
            raise CorpusError(f"source: {path} is damaged or cut short ({error}); copy or download it again") from error


def _read_jsonl(path: Path, text_field: str) -> Iterator[Item]:
    with _open(path) as (stream, raw):
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _parse(line, text_field, str(path), number, raw.tell())


def _parse(line: bytes, text_field: str, file: str, number: int, position: int) -> Item:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return BadDocument(file, number, "not UTF-8")
    except (json.JSONDecodeError, RecursionError):
        return BadDocument(file, number, "not JSON")
    if not isinstance(row, dict) or text_field not in row:
        return BadDocument(file, number, f"no field {text_field!r}")
    return document_or_bad(row[text_field], file, number, position)


def _read_text(path: Path) -> Iterator[Item]:
    with _open(path) as (stream, raw):
        head = stream.read(WHOLE_TEXT_BYTES + 1)
        if len(head) <= WHOLE_TEXT_BYTES:
            yield _decode(head, str(path), 1, raw.tell())
            return
        # The head may end inside a line: it is completed before it is taken apart.
        lines = io.BytesIO(head + stream.readline())
        for number, text in _paragraphs(_chain(lines, stream)):
            yield _decode(text, str(path), number, raw.tell())


def _chain(*streams: Bytes) -> Iterator[bytes]:
    for stream in streams:
        yield from stream


def _paragraphs(lines: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """(number of the first line, text) of the runs of lines between blank lines."""
    held: list[bytes] = []
    start = 1
    for number, line in enumerate(lines, start=1):
        if line.strip():
            start = start if held else number
            held.append(line)
        elif held:
            yield start, b"".join(held)
            held = []
    if held:
        yield start, b"".join(held)


def _decode(data: bytes, file: str, line: int, position: int) -> Item:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return BadDocument(file, line + data[: error.start].count(b"\n"), "not UTF-8")
    return document_or_bad(text, file, line, position)


def _read_parquet(path: Path, text_field: str) -> Iterator[Item]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
        if text_field not in table.schema_arrow.names:
            raise CorpusError(
                f"text_field: {path} has no column {text_field!r}; it has {', '.join(table.schema_arrow.names)}"
            )
        yield from _rows(table, text_field, path)
    except pa.ArrowInvalid as error:
        raise CorpusError(
            f"source: {path} is damaged or no parquet file ({error}); write or download it again"
        ) from error


def _rows(table: "pyarrow.parquet.ParquetFile", text_field: str, path: Path) -> Iterator[Item]:  # type: ignore[name-defined]  # noqa: F821
    size, rows, number = path.stat().st_size, max(1, table.metadata.num_rows), 0
    for batch in table.iter_batches(batch_size=1024, columns=[text_field]):
        for value in batch.column(0):
            number += 1
            yield _row(value, str(path), number, size * number // rows)


def _row(value: "pyarrow.Scalar", file: str, number: int, position: int) -> Item:  # type: ignore[name-defined]  # noqa: F821
    try:
        text = value.as_py()
    except UnicodeDecodeError:  # Arrow does not check strings when it reads them
        return BadDocument(file, number, "not UTF-8")
    return document_or_bad(text, file, number, position)
