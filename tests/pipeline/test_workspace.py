import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from sweeper.errors import SweeperError
from sweeper.pipeline.workspace import Workspace, default_cache

HOLD = """
import os, sys
from pathlib import Path
from sweeper.pipeline.workspace import Workspace
with Workspace(Path(sys.argv[1])).locked():
    print(os.getpid(), flush=True)
    sys.stdin.readline()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    return process


def test_a_second_process_is_refused_with_the_firsts_number_until_it_dies(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with (
            pytest.raises(SweeperError, match=rf"in use by process {process.pid}; .*--output"),
            Workspace(tmp_path).locked(),
        ):
            pytest.fail("the folder was taken twice")
    finally:
        process.kill()
        process.communicate()
    with Workspace(tmp_path).locked():  # a crash leaves no lock
        assert (tmp_path / ".owner").read_text() != str(process.pid)


def test_an_error_within_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Workspace(tmp_path).locked():
        raise ZeroDivisionError
    assert not (tmp_path / ".owner").exists()
    with Workspace(tmp_path).locked():
        pass


def test_another_locks_timeout_is_not_taken_for_the_folders(tmp_path: Path) -> None:
    with FileLock(tmp_path / "other"), pytest.raises(Timeout), Workspace(tmp_path / "out").locked():
        FileLock(tmp_path / "other").acquire(timeout=0)


def test_shared_storage_takes_checkpoints_and_cache_off_the_output_folder(tmp_path: Path) -> None:
    plain = Workspace(tmp_path / "out", cache=tmp_path / "cache")
    shared = Workspace(tmp_path / "out", storage=str(tmp_path / "nfs"))
    assert plain.checkpoints == tmp_path / "out" / "checkpoints"
    assert shared.checkpoints == tmp_path / "nfs" / "out" / "checkpoints"
    assert shared.cache == tmp_path / "nfs" / "cache"
    assert shared.trials == plain.trials


def test_the_cache_can_be_named_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWEEPER_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "xdg" / "sweeper"
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "mine"))
    assert default_cache() == tmp_path / "mine"
