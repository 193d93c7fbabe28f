from dataclasses import dataclass, field

import torch
from torch import nn

from trainers.steps.buckets import Buckets
from trainers.workers.ranks import Pending, Ranks


class Done:
    """A sum that is done at once."""

    def wait(self) -> object:
        """Nothing to wait for."""
        return None


@dataclass(frozen=True)
class Recording(Ranks):
    """Ranks that note what is sent, as (start, length) in the buffer."""

    sent: list[tuple[int, int]] = field(default_factory=list)

    def begin_sum(self, tensor: torch.Tensor) -> Pending:
        """Note it."""
        self.sent.append((int(tensor.storage_offset()), len(tensor)))
        return Done()


def made() -> tuple[Buckets, Recording, list[nn.Parameter]]:
    """Parameters of 6, 1, 2 and 3 numbers behind 4 others, in pieces of at least 3."""
    buffer = torch.zeros(16)
    sizes, starts = [6, 1, 2, 3], [4, 10, 11, 13]
    parameters = [nn.Parameter(torch.zeros(size)) for size in sizes]
    for parameter, start, size in zip(parameters, starts, sizes, strict=True):
        parameter.grad = buffer[start : start + size]
    ranks = Recording(0, 2, torch.device("cpu"))
    return Buckets(buffer, parameters, starts, ranks, size=3), ranks, parameters


def backward(*parameters: nn.Parameter) -> None:
    """One backward pass through each, in that order."""
    for parameter in parameters:
        parameter.sum().backward()  # type: ignore[no-untyped-call]


def test_a_piece_goes_when_all_of_it_is_there_from_the_end_to_the_start() -> None:
    buckets, ranks, (a, b, c, d) = made()
    buckets.begin()
    backward(c, b)
    assert ranks.sent == []
    backward(d)
    assert ranks.sent == [(13, 3), (10, 3)]
    backward(a)
    assert ranks.sent == [(13, 3), (10, 3), (4, 6)]
    buckets.finish()
    assert ranks.sent == [(13, 3), (10, 3), (4, 6), (0, 4)]


def test_nothing_goes_before_the_last_micro_batch() -> None:
    buckets, ranks, parameters = made()
    backward(*parameters)
    assert ranks.sent == []
    buckets.begin()
    backward(*parameters)
    buckets.finish()
    assert [start for start, _ in ranks.sent] == [13, 10, 4, 0]


def test_a_rank_without_gradients_sends_the_same_pieces_each_step() -> None:
    buckets, ranks, parameters = made()
    buckets.finish()
    buckets.begin()
    backward(parameters[3])
    buckets.finish()
    assert [start for start, _ in ranks.sent] == [13, 10, 4, 0] * 2
