import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from trainers.errors import TrainerError
from trainers.tokens.documents import WHOLE_TEXT_BYTES, is_document_file, read_documents

TEXTS = ["one\ntwo", "drei ü", "  ", "four"]
KEPT = ["one\ntwo", "drei ü", "four"]
LINES = "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(TEXTS)).encode()


def read(path: Path, field: str = "text") -> list[str]:
    return list(read_documents(path, field))


@pytest.mark.parametrize(
    ("name", "packed"),
    [("a.jsonl", LINES), ("a.jsonl.gz", gzip.compress(LINES)), ("a.jsonl.zst", zstandard.compress(LINES))],
)
def test_json_lines_give_a_document_each(tmp_path: Path, name: str, packed: bytes) -> None:
    (tmp_path / name).write_bytes(packed)
    assert is_document_file(tmp_path / name)
    assert read(tmp_path / name) == KEPT


def test_parquet_gives_a_document_a_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": [*TEXTS, None]}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet", "body") == KEPT


def test_a_small_text_is_one_document_and_a_large_one_a_document_a_paragraph(tmp_path: Path) -> None:
    (tmp_path / "small.txt").write_text("a\n\nb\n", encoding="utf-8")
    assert read(tmp_path / "small.txt") == ["a\n\nb\n"]
    half = "x" * (WHOLE_TEXT_BYTES // 2)
    (tmp_path / "large.txt").write_text(f"{half}\ny\n\n \n{half}\n\nend", encoding="utf-8")
    assert read(tmp_path / "large.txt") == [f"{half}\ny\n", f"{half}\n", "end"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "a"}\n{', "a.jsonl, line 2: is not JSON"),
        ("a.jsonl", b'{"body": "a", "id": 1}', r"line 1: has no text in the field 'text' \(it has body, id\)"),
        ("a.jsonl", b"[1]", "it is no object"),
        ("a.txt", b"\xff\xfe", "not text in UTF-8"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(LINES)[:-9], "cannot be read"),
        ("a.jsonl.zst", b"no zstandard", "cannot be read"),
        ("a.parquet", b"no parquet at all", "is not a parquet file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainerError, match=message):
        read(tmp_path / name)


def test_a_missing_column_names_the_others(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["a"], "url": ["b"]}), tmp_path / "a.parquet")
    with pytest.raises(TrainerError, match=r"no column 'text' \(it has body, url\); give --text-field"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(("name", "expected"), [("a.csv", False), ("a.txt.gz", True), ("gz", False), ("a.gz", False)])
def test_the_name_says_whether_a_file_holds_documents(name: str, expected: bool) -> None:
    assert is_document_file(Path(name)) is expected
