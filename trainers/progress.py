"""The signs of life of a trial."""

import time
from collections.abc import Sequence

from trainers.messages import Progress
from trainers.steps.stepper import Pulse

INTERVAL = 1.5
"""Seconds between two messages, about."""


class ProgressClock:
    """Gathers pulses and says when they make a message."""

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._grad_norm = 0.0
        self._since = self._due_from = time.perf_counter()

    def add(self, pulses: Sequence[Pulse]) -> None:
        """Take in the pulses of new steps."""
        self._losses.extend(pulse.loss for pulse in pulses)
        self._grad_norm = pulses[-1].grad_norm

    def leave_out(self, seconds: float) -> None:
        """Do not count time that was not spent training."""
        self._since += seconds

    @property
    def due(self) -> bool:
        """Whether it is time for a message."""
        return bool(self._losses) and time.perf_counter() - self._due_from >= INTERVAL

    def message(self, tokens: int, learning_rate: float, tokens_per_step: int) -> Progress:
        """The message about everything since the last one."""
        now = time.perf_counter()
        message = Progress(
            tokens=tokens,
            train_loss=sum(self._losses) / len(self._losses),
            learning_rate=learning_rate,
            grad_norm=self._grad_norm,
            tokens_per_second=len(self._losses) * tokens_per_step / max(now - self._since, 1e-9),
        )
        self._losses.clear()
        self._since = self._due_from = now
        return message
