"""Adding gradients up over ranks while the backward pass still computes the rest of them."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from trainers.workers.ranks import Pending, Ranks

BUCKET = 25 * 2**18
"""Numbers of a piece, about (25 MiB): enough to use a network well, few enough to begin early."""


class Buckets:
    """A flat buffer, cut into pieces that are added up over ranks one after another, from the end to the start.

    The backward pass makes the last parameters' gradients first. The pieces always go in the same order, on a rank that
    has no gradient to add or has failed too, so that all ranks take part in the same sums.

    Args:
        buffer: what is added up; its start, before the first gradient, goes last.
        parameters: whose gradients are views of `buffer`, in its order.
        starts: where each of them begins.
        ranks: the workers.
        size: numbers of a piece at least (the piece at the start may have fewer).
    """

    def __init__(
        self,
        buffer: torch.Tensor,
        parameters: Sequence[nn.Parameter],
        starts: Sequence[int],
        ranks: Ranks,
        size: int = BUCKET,
    ) -> None:
        self._ranks = ranks
        self._pieces: list[torch.Tensor] = []
        self._members: list[int] = []
        self._pending: list[Pending] = []
        self._early = False
        end, members = len(buffer), 0
        for parameter, start in zip(reversed(parameters), reversed(starts), strict=True):
            arrived = partial(self._arrived, len(self._pieces))
            parameter.register_post_accumulate_grad_hook(arrived)  # type: ignore[no-untyped-call]
            members += 1
            if end - start >= size:
                self._pieces.append(buffer[start:end])
                self._members.append(members)
                end, members = start, 0
        self._pieces.append(buffer[:end])
        self._members.append(members)
        self._missing = list(self._members)

    def begin(self) -> None:
        """The next backward pass is the last of this step: its gradients may go as they come."""
        self._early = True

    def finish(self) -> None:
        """Send what has not gone yet and wait for all of it."""
        while len(self._pending) < len(self._pieces):
            self._send()
        for pending in self._pending:
            pending.wait()
        self._pending.clear()
        self._missing = list(self._members)
        self._early = False

    def _arrived(self, piece: int, _: torch.Tensor) -> None:
        if not self._early:
            return
        self._missing[piece] -= 1
        # The piece at the start holds what is known only after the backward pass.
        while len(self._pending) < len(self._pieces) - 1 and self._missing[len(self._pending)] == 0:
            self._send()

    def _send(self) -> None:
        self._pending.append(self._ranks.begin_sum(self._pieces[len(self._pending)]))
