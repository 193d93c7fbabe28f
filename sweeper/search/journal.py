"""The study's journal on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import optuna


class KernelLock:
    """The system frees it when its process dies; after a `kill -9` Optuna's own makes the next run wait for 30 s."""

    def __init__(self, path: Path) -> None:
        from filelock import FileLock

        self._lock = FileLock(path)

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Give it back."""
        self._lock.release()


def _drop_half_a_line(path: Path, lock: KernelLock) -> None:
    """Cut off what a full disk or a power cut left of the last line: the next one would be written behind it, and the
    journal could not be read any more. Whoever wrote it was never told that it is there."""
    if not path.is_file():
        return
    lock.acquire()
    try:
        with path.open("rb+") as journal:
            end = _end_of_last_line(journal)
            if end < journal.seek(0, os.SEEK_END):
                journal.truncate(end)
    finally:
        lock.release()


def _end_of_last_line(journal: BinaryIO) -> int:
    """Bytes up to and with the last line feed."""
    position = journal.seek(0, os.SEEK_END)
    while position > 0:
        start = max(0, position - 65536)
        journal.seek(start)
        found = journal.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def open_study(path: Path, name: str, pruner: optuna.pruners.BasePruner, objectives: int = 1) -> optuna.Study:
    """The study of that name in the journal at `path`, made where it is missing; a look at one writes nothing."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = KernelLock(path.with_name(f".{path.name}.lock"))
    _drop_half_a_line(path, lock)
    storage = JournalStorage(JournalFileBackend(str(path), lock_obj=lock))  # type: ignore[arg-type]  # its base is private
    known = {study.study_name for study in storage.get_all_studies()}
    if name in known:
        return optuna.load_study(study_name=name, storage=storage, pruner=pruner)
    return optuna.create_study(study_name=name, storage=storage, pruner=pruner, directions=["minimize"] * objectives)
