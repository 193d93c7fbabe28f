"""The gradients of a step: each rank's part, their sum over ranks, and the few numbers that travel with it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import nn

from trainers.batches import Batches
from trainers.ranks import Ranks, Reason, reason_of
from trainers.windows import Windows

LOSS, ERRORS, VERDICT, SIGNALS = 0, 1, 2, 3


class Gradients(ABC):
    """What a step does with gradients, however the workers hold the model.

    Each rank adds its part of the global batch's gradient, so the ranks' sum is exact however unevenly they divide the
    batch (a mean over ranks is not).
    """

    signals: torch.Tensor
    """[the step's loss, ranks with an error, the verdict's code]: sums over ranks after `sum_over`."""
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
    def sum_over(self, ranks: Ranks) -> None:
        """Add up gradients and signals."""

    @abstractmethod
    def clip(self, max_norm: float) -> torch.Tensor:
        """After `sum_over`: scale to a global norm of at most `max_norm`; returns the norm before, a scalar."""

    def give_up(self, error: Exception) -> None:
        """Keep an error until the ranks' sum, where all learn of it."""
        self.reason = reason_of(error)
        self.signals[ERRORS] = 1


class FlatGradients(Gradients):
    """The gradients of `parameters` that every rank holds whole, in one flat buffer: summing, measuring and clipping
    is one operation each.

    `parameter.grad` is a view of the buffer, in which autograd accumulates.
    """

    def __init__(self, parameters: list[nn.Parameter], device: torch.device) -> None:
        self._n = sum(p.numel() for p in parameters)
        self._buffer = torch.zeros(self._n + SIGNALS, dtype=torch.float32, device=device)
        self.values = self._buffer[: self._n]
        self.signals = self._buffer[self._n :]
        start = 0
        for parameter in parameters:
            end = start + parameter.numel()
            parameter.grad = self._buffer[start:end].view(parameter.shape)
            start = end

    def clear(self) -> None:
        """Start a step."""
        self._buffer.zero_()

    def micro_batches(self, batches: Batches, step: int) -> Iterator[tuple[Windows, float]]:
        """This rank's own, which may be none."""
        return ((windows, 1.0) for windows in batches.micro_batches(step))

    def attempt(self, part: Callable[[], None]) -> None:
        """Run it; a failure waits for the ranks' sum, because leaving here would leave the others waiting."""
        if self.reason is not None:
            return
        try:
            part()
        except Exception as error:
            self.give_up(error)

    def sum_over(self, ranks: Ranks) -> None:
        """Add up gradients and signals: the one collective of a step."""
        ranks.sum_(self._buffer)

    def clip(self, max_norm: float) -> torch.Tensor:
        """Scale the whole buffer."""
        norm: torch.Tensor = torch.linalg.vector_norm(self.values)
        self.values.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
        return norm
