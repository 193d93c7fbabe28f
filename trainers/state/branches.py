"""Kept states of trunks: where a trunk writes them, and where a branch begins."""

import logging
from pathlib import Path

from trainers.model.models import Model
from trainers.spec import TrialSpec
from trainers.state.keeper import Keeper
from trainers.state.trunk import trunk_id
from trainers.steps.stepper import Stepper
from trainers.timetable import Timetable
from trainers.workers.ranks import Ranks

log = logging.getLogger(__name__)


class Branches:
    """The kept states that concern one trial: `branch_path`/`trunk_id`/step-N holds that of step N.

    A trial with `branch_points` is a trunk and writes them; they stay when it ends. A `wsd` trial without is a branch
    and begins at the last state before its decay: its losses from there on are those it would have from the start, bit
    for bit on a CPU in fp32, and its evaluations before that point are left to the trunk.
    """

    def __init__(self, spec: TrialSpec, table: Timetable, ranks: Ranks) -> None:
        self._spec, self._table, self._ranks = spec, table, ranks
        self._trunk = trunk_id(spec)
        self._folder = None if spec.branch_path is None else Path(spec.branch_path) / self._trunk
        self.started = 0
        """Steps that the trial took over from its trunk."""

    def begin(self, own_step: int, model: Model, stepper: Stepper) -> int:
        """Put the last kept state before the decay into the model where it is further than the trial's own checkpoint.

        Args:
            own_step: the steps of the trial's own checkpoint, which the model holds; 0 for none.
            model: to train.
            stepper: that trains it.

        Returns:
            The steps done.

        Raises:
            TrialFailed: a state that should be there cannot be read.
        """
        if self._folder is None or self._spec.schedule.type != "wsd" or self._spec.branch_points:
            return own_step
        for step in self._ranks.of_first(self._kept):
            if step <= own_step or self._keeper(step).resume(model, stepper):
                self.started = step
                return max(step, own_step)
        if own_step == 0:
            log.warning("no kept state of trunk %s in %s: trained from the start", self._trunk, self._folder)
        return own_step

    def keep(self, step: int, model: Model, stepper: Stepper) -> None:
        """Write the state of a branch point, whole or not at all.

        Raises:
            TrialFailed: it cannot be written.
        """
        self._keeper(step).save(step, model, stepper)

    def _kept(self) -> list[int]:
        """Steps up to the decay's start of which there is a state, the last first."""
        assert self._folder is not None
        steps = sorted((int(path.name.removeprefix("step-")) for path in self._folder.glob("step-*")), reverse=True)
        return [step for step in steps if step <= self._table.schedule.decay_start]

    def _keeper(self, step: int) -> Keeper:
        assert self._folder is not None
        # A folder each: writing a state drops the others in its folder.
        return Keeper(self._folder / f"step-{step:09d}", f"trunk {self._trunk}", self._ranks)
