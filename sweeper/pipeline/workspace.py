"""The output folder of an experiment: what is where, and who may write."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.errors import SweeperError


class Workspace:
    """Paths of an output folder.

    Args:
        output: The folder; made when it is first written to.
        cache: Packed corpora and base models, shared by experiments.
        storage: Folder that every node sees; where it is None the output folder serves, on one machine.
    """

    def __init__(self, output: Path, cache: Path | None = None, storage: str | None = None) -> None:
        self.output = output.absolute()
        shared = Path(storage).absolute() if storage else None
        self.cache = (cache or (shared / "cache" if shared else default_cache())).absolute()
        self._shared = shared / output.name if shared else self.output
        self.trials = self.output / "trials"
        self.failed = self.output / "failed"
        self.study = self.output / "study.log"
        self.laws = self.output / "laws.json"
        self.recommendation = self.output / "recommendation.json"
        self.spent = self.output / "spent.json"
        self.summary = self.output / "summary.json"
        self.report = self.output / "report.html"
        self.log = self.output / "run.log"

    @property
    def checkpoints(self) -> Path:
        """Where trials keep their checkpoints."""
        return self._shared / "checkpoints"

    @property
    def model(self) -> Path:
        """The model that the confirming run trained."""
        return self._shared / "model"

    def model_of(self, trial: str) -> Path:
        """Where another trial's model goes, for those who ask for it."""
        return self._shared / "models" / trial

    @property
    def ray(self) -> Path:
        """Where Ray Train keeps its own books."""
        return self._shared / ".ray"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder alone.

        Raises:
            SweeperError: another process holds it; the message names the process.
        """
        from filelock import FileLock, Timeout

        self.output.mkdir(parents=True, exist_ok=True)
        lock, owner = FileLock(self.output / ".lock"), self.output / ".owner"
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            pid = owner.read_text(encoding="utf-8") if owner.exists() else "unknown"
            raise SweeperError(
                f"{self.output} is in use by process {pid}; wait for it, stop it, or give another --output"
            ) from error
        try:
            owner.write_text(str(os.getpid()), encoding="utf-8")
            yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()


def default_cache() -> Path:
    """`$SWEEPER_CACHE`, or a folder of the user's cache."""
    named = os.environ.get("SWEEPER_CACHE")
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else (Path(home) if home else Path.home() / ".cache") / "sweeper"
