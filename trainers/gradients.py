"""All gradients of a rank in one flat buffer: adding them over ranks, measuring and clipping is one step each."""

import torch
from torch import nn

from trainers.ranks import Ranks

LOSS, ERRORS, VERDICT, SIGNALS = 0, 1, 2, 3


class FlatGradients:
    """The gradients of `parameters`, and a few numbers that travel with them between ranks.

    `parameter.grad` is a view of the buffer, in which autograd accumulates. Each rank adds its part of the global
    batch's gradient, so the ranks' sum is exact however unevenly they divide the batch (a mean over ranks is not).
    """

    def __init__(self, parameters: list[nn.Parameter], device: torch.device) -> None:
        self._n = sum(p.numel() for p in parameters)
        self._buffer = torch.zeros(self._n + SIGNALS, dtype=torch.float32, device=device)
        self.values = self._buffer[: self._n]
        self.signals = self._buffer[self._n :]
        """[the step's loss, ranks with an error, the verdict's code]: sums over ranks after `sum_over`."""
        start = 0
        for parameter in parameters:
            end = start + parameter.numel()
            parameter.grad = self._buffer[start:end].view(parameter.shape)
            start = end

    def clear(self) -> None:
        """Start a step."""
        self._buffer.zero_()

    def sum_over(self, ranks: Ranks) -> None:
        """Add up gradients and signals: the one collective of a step."""
        ranks.sum_(self._buffer)

    def clip(self, max_norm: float) -> torch.Tensor:
        """Scale the gradients to a global norm of at most `max_norm`; returns the norm before, a scalar."""
        norm: torch.Tensor = torch.linalg.vector_norm(self.values)
        self.values.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
        return norm
