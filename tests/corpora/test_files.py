from pathlib import Path

import pytest

from sweeper.corpora.errors import CorpusError
from sweeper.corpora.files import expand


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_folder_stands_for_all_readable_files_below_it(tmp_path: Path) -> None:
    touch(tmp_path, "b.txt", "a/c.jsonl.zst", "a/d.parquet", "README.md", ".hidden/e.txt")
    found = [str(f.relative_to(tmp_path)) for f in expand(str(tmp_path))]
    assert found == ["a/c.jsonl.zst", "a/d.parquet", "b.txt"]


def test_a_glob_is_sorted_and_goes_into_folders(tmp_path: Path) -> None:
    touch(tmp_path, "b.txt", "a/a.txt", "c.jsonl")
    assert [f.name for f in expand(f"{tmp_path}/**/*.txt")] == ["a.txt", "b.txt"]


@pytest.mark.parametrize("name", ["missing.txt", "*.jsonl"])
def test_a_source_without_files_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match="nothing to read at"):
        expand(f"{tmp_path}/{name}")


def test_a_file_of_another_kind_is_refused_with_the_kinds_that_are_read(tmp_path: Path) -> None:
    touch(tmp_path, "a.pdf")
    with pytest.raises(CorpusError, match=r"a\.pdf is not of a kind .*\.jsonl\.gz"):
        expand(str(tmp_path / "a.pdf"))
