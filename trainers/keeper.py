"""When a trial writes and reads its checkpoints, on all ranks alike."""

import logging
import time
from pathlib import Path

from trainers import checkpoint
from trainers.models import Model
from trainers.ranks import Ranks
from trainers.spec import TrialSpec
from trainers.stepper import Stepper

log = logging.getLogger(__name__)


class Keeper:
    """Keeps a trial's checkpoints in `spec.checkpoint_path`, which all ranks can read; does nothing without it."""

    def __init__(self, spec: TrialSpec, ranks: Ranks) -> None:
        self._spec, self._ranks = spec, ranks
        self._folder = None if spec.checkpoint_path is None else Path(spec.checkpoint_path)
        self._saved = time.perf_counter()

    def resume(self, model: Model, stepper: Stepper) -> int:
        """Go on from the checkpoint where every rank finds the same one; returns the steps done.

        Raises:
            TrialFailed: a checkpoint that should be there cannot be read.
        """
        if self._folder is None:
            return 0
        folder, device = self._folder, self._ranks.device
        state = self._ranks.together(lambda: checkpoint.load(folder, self._spec.id, device))
        step = 0 if state is None else int(state["step"])
        agreed = self._ranks.sum_number(step if self._ranks.first else 0)
        if self._ranks.sum_number(step != agreed) > 0:
            log.warning("the workers see different checkpoints in %s: the trial begins again", folder)
            return 0
        if state is not None:
            checkpoint.restore(state, model.trainable, stepper.optimizer)
            log.info("trial %s goes on from step %d", self._spec.id, step)
        return step

    def save(self, step: int, model: Model, stepper: Stepper) -> None:
        """Write a checkpoint now; rank 0 holds everything that is in it.

        Raises:
            TrialFailed: it cannot be written.
        """
        if self._folder is None:
            log.warning("trial %s has no checkpoint_path: it will begin again", self._spec.id)
            return
        folder = self._folder

        def write() -> None:
            if self._ranks.first:
                checkpoint.save(folder, self._spec.id, step, model.trainable, stepper.optimizer)

        self._ranks.together(write)
        self._saved = time.perf_counter()

    def save_if_old(self, step: int, model: Model, stepper: Stepper) -> None:
        """Write a checkpoint where the last one is older than `checkpoint_seconds`, by rank 0's clock."""
        if self._folder is None:
            return
        old = time.perf_counter() - self._saved >= self._spec.checkpoint_seconds
        if self._ranks.sum_number(old and self._ranks.first) > 0:
            self.save(step, model, stepper)

    def remove(self) -> None:
        """Delete the checkpoints of a trial that will not go on."""
        if self._ranks.first and self._folder is not None:
            checkpoint.remove(self._folder)
