"""Memory of a process and all that it starts, as it runs."""

import threading
from pathlib import Path
from types import TracebackType

import psutil

INTERVAL = 0.1
"""Seconds between two looks; shorter peaks may be missed."""


class PeakMemory:
    """Notes the highest sum of proportional set sizes (PSS: shared pages count once) while a `with` block runs."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        """Bytes."""
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(INTERVAL):
            self.peak = max(self.peak, tree_pss(self._pid))

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()


def tree_pss(pid: int) -> int:
    """Bytes of a process and its descendants; 0 for those that are gone."""
    try:
        process = psutil.Process(pid)
        pids = [pid, *(child.pid for child in process.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0
    return sum(_pss(one) for one in pids)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):  # ended since it was listed
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
