import hashlib
import os
from pathlib import Path

import pytest

from sweeper.corpora.hashes import FileHashes, digest_of


def old_file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    os.utime(path, ns=(10**18, 10**18))
    return path


def test_a_known_file_is_not_read_again(tmp_path: Path) -> None:
    file = old_file(tmp_path / "a", b"abc")
    first = FileHashes(tmp_path / "cache")
    assert first.of(file) == hashlib.sha256(b"abc").hexdigest()
    first.save()
    old_file(file, b"xyz")  # same size and time: only reading would tell
    assert FileHashes(tmp_path / "cache").of(file) == hashlib.sha256(b"abc").hexdigest()


def test_a_file_of_another_time_is_read_again(tmp_path: Path) -> None:
    file = old_file(tmp_path / "a", b"abc")
    hashes = FileHashes(tmp_path / "cache")
    hashes.of(file)
    file.write_bytes(b"xyz")
    assert hashes.of(file) == hashlib.sha256(b"xyz").hexdigest()


def test_a_file_changed_just_now_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    hashes = FileHashes(tmp_path / "cache")
    hashes.of(tmp_path / "a")
    hashes.save()
    assert not (tmp_path / "cache" / "hashes.json").exists()


def test_what_another_process_wrote_is_kept(tmp_path: Path) -> None:
    one, two = FileHashes(tmp_path), FileHashes(tmp_path)
    one.remember("a", "1")
    two.remember("b", "2")
    one.save()
    two.save()
    again = FileHashes(tmp_path)
    assert (again.recall("a"), again.recall("b"), again.recall("c")) == ("1", "2", None)


@pytest.mark.parametrize("other", [[1, "b"], [2, "a"], ["1", "a"]])
def test_digests_tell_contents_apart(other: object) -> None:
    assert digest_of([1, "a"]) == digest_of([1, "a"]) != digest_of(other)
