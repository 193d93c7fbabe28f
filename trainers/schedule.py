"""The learning rate over a trial, as a share of its peak: a pure function of the step."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainers.spec import Schedule


@dataclass(frozen=True)
class StepSchedule:
    """A schedule counted in the whole steps of one trial."""

    schedule: "Schedule"
    n_steps: int
    tokens_per_step: int

    @cached_property
    def warmup_steps(self) -> int:
        """How many steps the warm-up takes."""
        if self.schedule.warmup_tokens is not None:
            return min(self.n_steps, -(-self.schedule.warmup_tokens // self.tokens_per_step))
        return round(self.schedule.warmup_ratio * self.n_steps)

    @cached_property
    def decay_start(self) -> int:
        """The steps done when the decay begins: all of them at a constant rate, the warm-up for cosine and linear."""
        if self.schedule.type == "constant":
            return self.n_steps
        if self.schedule.type != "wsd":
            return self.warmup_steps
        if self.schedule.decay_tokens is not None:
            length = -(-self.schedule.decay_tokens // self.tokens_per_step)
        else:
            length = round(self.schedule.decay_ratio * self.n_steps)
        return max(self.warmup_steps, self.n_steps - length)

    def decay(self, steps_done: float) -> float:
        """The decay's part of the multiplier after so many steps: 1 up to its start, `min_ratio` at its end."""
        if steps_done <= self.decay_start or self.decay_start >= self.n_steps:
            return 1.0
        share = min(1.0, (steps_done - self.decay_start) / (self.n_steps - self.decay_start))
        fallen = self._fall(share)
        return fallen + self.schedule.min_ratio * (1 - fallen)

    def _fall(self, share: float) -> float:
        """From 1 to 0 as `share` goes from 0 to 1.

        The cosine is that of Loshchilov & Hutter 2017 (arXiv:1608.03983), section 3; 1 - sqrt is that of Hägele et al.
        2024 (arXiv:2405.18392), section 3.
        """
        if self.schedule.type == "cosine":
            return 0.5 * (1 + math.cos(math.pi * share))
        if self.schedule.type == "wsd" and self.schedule.decay_shape == "sqrt":
            return 1 - math.sqrt(share)
        return 1 - share

    def multiplier(self, step: int) -> float:
        """Learning rate / peak at step `step`, counted from 0.

        The warm-up's first step is one part above `start_ratio` and its last has the peak; so has the first step of a
        decay, whose last step is one part above `min_ratio`: every step learns.
        """
        if step >= self.warmup_steps:
            return self.decay(step)
        done = (step + 1) / self.warmup_steps
        return done + self.schedule.start_ratio * (1 - done)

    def area(self, steps_done: int) -> float:
        """Sum over the steps done of learning rate / peak times the tokens of a step, in tokens."""
        return self.tokens_per_step * math.fsum(self.multiplier(step) for step in range(steps_done))
