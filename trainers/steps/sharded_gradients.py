"""Gradients of a model that is divided over the ranks: each holds the gradients of its own part."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from trainers.steps.gradients import SIGNALS, Gradients
from trainers.tokens.batches import Batches
from trainers.tokens.windows import Windows
from trainers.workers.ranks import Ranks


class ShardedGradients(Gradients):
    """The gradients of sharded `parameters` (`trainers.model.sharding`).

    The backward pass adds them up over ranks, layer by layer and in each micro-batch: keeping whole gradients until the
    last one would save the network a third of its work, and cost the memory that sharding is for.

    All ranks must go through the model equally often, so a rank with fewer micro-batches goes through it with a blank
    one whose loss weighs nothing. An error inside the model cannot wait there for the others, who are inside the same
    collectives: it is raised, which ends this process' group; the others fail when this process ends or the group's
    timeout passes.
    """

    def __init__(self, parameters: list[nn.Parameter], ranks: Ranks) -> None:
        self._parameters, self._ranks = parameters, ranks
        self._numbers = torch.zeros(SIGNALS + 1, dtype=torch.float32, device=ranks.device)
        self.signals = self._numbers[:SIGNALS]
        self._square = self._numbers[SIGNALS:]

    def clear(self) -> None:
        """Start a step."""
        self._numbers.zero_()
        for parameter in self._parameters:
            parameter.grad = None

    def micro_batches(self, batches: Batches, step: int) -> Iterator[tuple[Windows, float]]:
        """As many as the rank with most has; what cannot be read is blank too, and reported with the sum."""
        mine = batches.micro_batches(step)
        for _ in range(batches.most_micro_batches):
            windows = self._next(mine)
            yield (batches.blank(), 0.0) if windows is None else (windows, 1.0)

    def _next(self, mine: Iterator[Windows]) -> Windows | None:
        try:
            return next(mine, None)
        except Exception as error:
            self.give_up(error)
            return None

    def attempt(self, part: Callable[[], None]) -> None:
        """Run it.

        Raises:
            Exception: whatever the part raises, with a note.
        """
        try:
            part()
        except Exception as error:
            error.add_note(
                "parallel: fsdp: the other workers wait inside the same step and cannot be told; "
                "this group of workers has to be started again"
            )
            raise

    def sum_over_ranks(self) -> None:
        """Add up the signals and the square of the norm; the gradients are sums already."""
        norms = torch.stack(torch._foreach_norm(self._local()))
        self._square.copy_(norms.square().sum())
        self._ranks.sum_(self._numbers)

    def clip(self, max_norm: float) -> torch.Tensor:
        """Scale this rank's part by the global norm."""
        norm = self._square.sqrt().squeeze(0)
        torch._foreach_mul_(self._local(), (max_norm / (norm + 1e-6)).clamp(max=1.0))
        return norm

    def _local(self) -> list[torch.Tensor]:
        gradients: list[Any] = [parameter.grad for parameter in self._parameters]
        return [gradient.to_local() for gradient in gradients]
