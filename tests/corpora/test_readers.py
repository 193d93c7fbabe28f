import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from sweeper.corpora.documents import BadDocument, Document
from sweeper.corpora.errors import CorpusError
from sweeper.corpora.readers import WHOLE_TEXT_BYTES, read_file

TEXTS = ["one\ntwo", "drei – vier", "five"]
JSONL = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in TEXTS).encode()


def texts(path: Path, field: str = "text") -> list[str]:
    found = list(read_file(path, field))
    assert all(isinstance(item, Document) for item in found), found
    return [item.text for item in found if isinstance(item, Document)]


def bad(path: Path, field: str = "text") -> list[str]:
    return [str(item).removeprefix(f"{path}:") for item in read_file(path, field) if isinstance(item, BadDocument)]


def test_every_format_gives_the_same_documents(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(JSONL)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(JSONL))
    half = JSONL.index(b"\n") + 1  # two frames: tools that append write such files
    frames = [zstandard.compress(JSONL[:half]), zstandard.compress(JSONL[half:])]
    (tmp_path / "c.jsonl.zst").write_bytes(b"".join(frames))
    pq.write_table(pa.table({"text": TEXTS, "other": [1, 2, 3]}), tmp_path / "d.parquet")
    assert [texts(path) for path in sorted(tmp_path.iterdir())] == [TEXTS] * 4


def test_text_files_are_one_document_each_plain_or_compressed(tmp_path: Path) -> None:
    data = "a\n\nb – c\n".encode()
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(data))
    (tmp_path / "c.txt.zst").write_bytes(zstandard.compress(data))
    assert [texts(path) for path in sorted(tmp_path.iterdir())] == [["a\n\nb – c\n"]] * 3


def test_a_large_text_file_is_split_at_blank_lines_and_nothing_is_lost(tmp_path: Path) -> None:
    paragraphs = [f"paragraph {i} begins here\nand ends here {'x' * (i % 97)}\n" for i in range(20_000)]
    data = "\n".join(paragraphs)
    assert len(data) > WHOLE_TEXT_BYTES + 100_000
    (tmp_path / "a.txt").write_text(data)
    assert texts(tmp_path / "a.txt") == paragraphs


def test_bad_lines_are_told_with_their_number_and_reason(tmp_path: Path) -> None:
    lines = [
        b'{"text": "good"}',
        b"{",
        b"",
        b'{"body": "x"}',
        b"[1]",
        b'{"text": "\xff"}',
        b'{"text": ""}',
        b'{"text": 1}',
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    assert bad(tmp_path / "a.jsonl") == [
        "2: not JSON",
        "4: no field 'text'",
        "5: no field 'text'",
        "6: not UTF-8",
        "7: empty",
        "8: the text is of type int, not a string",
    ]


def test_text_that_is_not_utf8_is_told_with_the_line_of_the_first_bad_byte(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\nthr\xffe\n")
    assert bad(tmp_path / "a.txt") == ["3: not UTF-8"]


def test_parquet_rows_without_text_are_told_with_their_number(tmp_path: Path) -> None:
    wrong = pa.array([b"good", None, b"\xff\xfe"], pa.binary()).view(pa.utf8())
    pq.write_table(pa.table({"text": wrong}), tmp_path / "a.parquet")
    assert bad(tmp_path / "a.parquet") == ["2: the text is of type NoneType, not a string", "3: not UTF-8"]


def test_a_parquet_file_without_the_column_names_those_it_has(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": ["x"], "id": [1]}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match="no column 'text'; it has content, id"):
        texts(tmp_path / "a.parquet")


def test_another_field_is_read_where_asked(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "x", "text": "y"}')
    assert texts(tmp_path / "a.jsonl", "body") == ["x"]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_a_file_that_was_cut_short_is_refused_by_name(tmp_path: Path, name: str) -> None:
    whole = gzip.compress(JSONL * 100) if name.endswith("gz") else b"PAR1 no table"
    (tmp_path / name).write_bytes(whole[:-10])
    with pytest.raises(CorpusError, match=f"{name} is damaged"):
        texts(tmp_path / name)


def test_positions_rise_to_the_size_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(JSONL))
    positions = [item.position for item in read_file(tmp_path / "a.jsonl.gz", "text") if isinstance(item, Document)]
    assert positions == sorted(positions)
    assert positions[-1] == (tmp_path / "a.jsonl.gz").stat().st_size
