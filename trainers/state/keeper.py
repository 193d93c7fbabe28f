"""When a trial writes and reads its checkpoints, on all ranks alike."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from trainers.errors import TrialFailed
from trainers.messages import Measurement
from trainers.model.models import Model
from trainers.state import checkpoint, sharded_checkpoint
from trainers.steps.stepper import Stepper
from trainers.workers.ranks import Ranks

log = logging.getLogger(__name__)
T = TypeVar("T")


class Keeper:
    """Keeps the states of a trial in a folder that all ranks can read; does nothing without one.

    Args:
        folder: where; None keeps nothing.
        owner: whose states they are; another's are never read.
        ranks: the trial's workers.
        seconds: how old the last state is when `save_if_old` writes another.
    """

    def __init__(self, folder: str | Path | None, owner: str, ranks: Ranks, seconds: float = 0.0) -> None:
        self._owner, self._ranks, self._seconds = owner, ranks, seconds
        self._folder = None if folder is None else Path(folder)
        self._saved = time.perf_counter()
        self.measured: list[Measurement] = []
        """What the trial has measured; kept in its checkpoints and found again with them."""
        self.passed_over: tuple[str, ...] = ()
        """Checkpoints that could not be gone on from."""

    def resume(self, model: Model, stepper: Stepper) -> int:
        """Go on from the newest checkpoint that every rank finds whole; returns the steps done.

        It may come from another number of workers, each with the whole model or with a part of it.

        Raises:
            TrialFailed: a checkpoint that should be there cannot be read.
        """
        if self._folder is None:
            return 0
        folder = self._folder
        for path in self._ranks.of_first(lambda: checkpoint.found(folder)):
            state = self._restore(path, model, stepper)
            if state is not None:
                self.measured = [Measurement.model_validate_json(text) for text in state.get("measured", ())]
                step = int(state["step"])
                log.info("trial %s goes on from step %d", self._owner, step)
                return step
            self.passed_over += (path.name,)
        return 0

    def _restore(self, path: Path, model: Model, stepper: Stepper) -> dict[str, Any] | None:
        """What a checkpoint holds, which now is in the model too; None where a rank does not find it whole."""
        trainable, optimizer = model.trainable, stepper.optimizer
        if path.suffix == sharded_checkpoint.SUFFIX:
            content = self._agreed(lambda: sharded_checkpoint.read(path, self._owner, self._ranks))
            if content is not None:
                self._ranks.together(lambda: sharded_checkpoint.restore(path, trainable, optimizer))
            return content
        # In the host's memory: a sharded model has no room for a whole state on its device.
        state = self._agreed(lambda: checkpoint.read(path, self._owner, torch.device("cpu")))
        if state is not None:
            self._ranks.together(lambda: checkpoint.restore(state, trainable, optimizer))
        return state

    def _agreed(self, part: Callable[[], T | None]) -> T | None:
        """What this rank finds, or None where any rank finds nothing."""
        found = self._ranks.together(part)
        return None if self._ranks.sum_number(found is None) > 0 else found

    def save(self, step: int, model: Model, stepper: Stepper) -> None:
        """Write a checkpoint now: rank 0 all of it, or each rank its part of a sharded model.

        Of a trial that has taken no step nothing is written: its optimiser has no state, and its spec gives the rest.

        Raises:
            TrialFailed: it cannot be written.
        """
        if step == 0:
            return
        if self._folder is None:
            log.warning("trial %s has no checkpoint_path: it will begin again", self._owner)
            return
        state = (self._folder, self._owner, step, model.trainable, stepper.optimizer)
        measured = [measurement.model_dump_json() for measurement in self.measured]
        if model.sharded:
            sharded_checkpoint.save(*state, self._ranks, measured)
        else:
            self._ranks.of_first(lambda: checkpoint.save(*state, measured))
        self._saved = time.perf_counter()

    def save_if_old(self, step: int, model: Model, stepper: Stepper) -> str:
        """Write a checkpoint where the last is older than `seconds`, by rank 0's clock; returns as `try_to_save`."""
        if self._folder is None:
            return ""
        old = time.perf_counter() - self._saved >= self._seconds
        if self._ranks.sum_number(old and self._ranks.first) > 0:
            return self.try_to_save(step, model, stepper)
        return ""

    def try_to_save(self, step: int, model: Model, stepper: Stepper) -> str:
        """Write a checkpoint now where that is possible; returns why it is not, which costs a trial no result.

        Raises:
            TrialFailed: for another reason than the folder's disk.
        """
        try:
            self.save(step, model, stepper)
        except TrialFailed as failed:
            if failed.repeatable:  # not the system's doing
                raise
            self._saved = time.perf_counter()
            return failed.reason
        return ""
