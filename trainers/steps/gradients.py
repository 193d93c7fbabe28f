"""The gradients of a step: each rank's part, their sum over ranks, and the few numbers that travel with it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import nn

from trainers.steps.buckets import Buckets
from trainers.tokens.batches import Batches
from trainers.tokens.windows import Windows
from trainers.workers.ranks import Ranks, Reason, reason_of

LOSS, ERRORS, VERDICT, SIGNALS = 0, 1, 2, 3
_START = 64
"""Where gradients begin behind the signals: a boundary that kernels like."""


class Gradients(ABC):
    """What a step does with gradients, however the workers hold the model.

    Each rank adds its part of the global batch's gradient, so the ranks' sum is exact however unevenly they divide the
    batch (a mean over ranks is not).
    """

    signals: torch.Tensor
    """[the step's loss, ranks with an error, the verdict's code]: sums over ranks after `sum_over_ranks`."""
    reason: Reason | None = None
    """Why this rank can do its part no more."""

    @abstractmethod
    def clear(self) -> None:
        """Start a step."""

    @abstractmethod
    def micro_batches(self, batches: Batches, step: int) -> Iterator[tuple[Windows, float]]:
        """What this rank puts through the model in a step, each with the weight of its loss: 1, or 0 for none."""

    @abstractmethod
    def attempt(self, part: Callable[[], None]) -> None:
        """Run this rank's part of a step."""

    @abstractmethod
    def sum_over_ranks(self) -> None:
        """Add up gradients and signals."""

    @abstractmethod
    def clip(self, max_norm: float) -> torch.Tensor:
        """After `sum_over_ranks`: scale to a global norm of at most `max_norm`; returns the norm before, a scalar."""

    def give_up(self, error: Exception) -> None:
        """Keep an error until the ranks' sum, where all learn of it."""
        self.reason = reason_of(error)
        self.signals[ERRORS] = 1


class FlatGradients(Gradients):
    """The gradients of `parameters` that every rank holds whole, in one flat buffer: measuring and clipping is one
    operation each.

    `parameter.grad` is a view of the buffer, in which autograd accumulates. The buffer begins with the signals.
    """

    def __init__(self, parameters: list[nn.Parameter], ranks: Ranks) -> None:
        self._n = sum(p.numel() for p in parameters)
        self._buffer = torch.zeros(_START + self._n, dtype=torch.float32, device=ranks.device)
        self.signals, self.values = self._buffer[:SIGNALS], self._buffer[_START:]
        starts = [_START]
        for parameter in parameters:
            end = starts[-1] + parameter.numel()
            parameter.grad = self._buffer[starts[-1] : end].view(parameter.shape)
            starts.append(end)
        self._buckets = Buckets(self._buffer, parameters, starts[:-1], ranks) if ranks.size > 1 else None

    def clear(self) -> None:
        """Start a step."""
        self._buffer.zero_()

    def micro_batches(self, batches: Batches, step: int) -> Iterator[tuple[Windows, float]]:
        """This rank's own, which may be none."""
        for left, windows in zip(range(batches.my_micro_batches - 1, -1, -1), batches.micro_batches(step), strict=True):
            if left == 0 and self._buckets is not None:
                self._buckets.begin()
            yield windows, 1.0

    def attempt(self, part: Callable[[], None]) -> None:
        """Run it; a failure waits for the ranks' sum, because leaving here would leave the others waiting."""
        if self.reason is not None:
            return
        try:
            part()
        except Exception as error:
            self.give_up(error)

    def sum_over_ranks(self) -> None:
        """Add up what the last backward pass has not sent already."""
        if self._buckets is not None:
            self._buckets.finish()

    def clip(self, max_norm: float) -> torch.Tensor:
        """Scale the whole buffer."""
        norm: torch.Tensor = torch.linalg.vector_norm(self.values)
        self.values.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
        return norm
