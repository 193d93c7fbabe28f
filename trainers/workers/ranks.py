"""The workers of a trial: who we are, and the few ways in which they agree."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import torch
import torch.distributed as dist

from trainers.errors import Cause, TrainerError, TrialFailed

log = logging.getLogger(__name__)
T = TypeVar("T")
Reason = tuple[Cause, str, bool]
"""What a `TrialFailed` is made from; crosses between ranks."""


class Pending(Protocol):
    """A sum under way."""

    def wait(self) -> object:
        """Return when it is done (on a GPU: when what is queued from now on will find it done)."""


@dataclass(frozen=True)
class Ranks:
    """This process among the trial's workers; one process where `torch.distributed` is not initialised."""

    rank: int
    size: int
    device: torch.device

    @staticmethod
    def current() -> "Ranks":
        """The ranks of this process' default group, on its GPU where there is one."""
        if dist.is_available() and dist.is_initialized():
            return Ranks(dist.get_rank(), dist.get_world_size(), _device())
        return Ranks(0, 1, _device())

    @property
    def first(self) -> bool:
        """Whether this rank speaks for the trial."""
        return self.rank == 0

    def share(self, n: int) -> range:
        """This rank's contiguous part of `n` items; parts differ by one item at most."""
        return range(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def sum_(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add a tensor up over the ranks, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def begin_sum(self, tensor: torch.Tensor) -> Pending:
        """Begin to add a tensor up over several ranks, in place; it must not be touched until `wait` returns."""
        pending: Pending = dist.all_reduce(tensor, async_op=True)
        return pending

    def sum_number(self, value: float) -> float:
        """Add one number up over the ranks."""
        return float(self.sum_(torch.tensor(value, dtype=torch.float32, device=self.device)).item())

    def together(self, part: Callable[[], T]) -> T:
        """Run a part that speaks to no other rank; where it fails on any rank it fails on all.

        Raises:
            TrialFailed: with the first failing rank's reason.
        """
        reason: Reason | None = None
        try:
            result = part()
        except Exception as error:
            reason = reason_of(error)
            if reason[0] != "bad_spec":
                log.exception("trial failed on rank %d", self.rank)
        if self.sum_number(reason is not None) > 0:
            self.fail(reason)
        return result

    def of_first(self, part: Callable[[], T]) -> T:
        """What rank 0 finds when it runs a part that speaks to no other rank; the same on every rank.

        Raises:
            TrialFailed: it failed there.
        """
        found: list[T | None] = [self.together(lambda: part() if self.first else None)]
        if self.size > 1:
            dist.broadcast_object_list(found, src=0)
        return cast(T, found[0])

    def all_of(self, value: T) -> list[T]:
        """Every rank's value, in the order of ranks."""
        values: list[T | None] = [value]
        if self.size > 1:
            values = [None] * self.size
            dist.all_gather_object(values, value)
        return cast(list[T], values)

    def fail(self, reason: Reason | None) -> None:
        """End the trial on every rank with the first reason that any of them has; all must call it.

        Raises:
            TrialFailed: always.
        """
        cause, text, repeatable = next(r for r in self.all_of(reason) if r is not None)
        raise TrialFailed(cause, text, repeatable)


def reason_of(error: Exception) -> Reason:
    """What an exception says about the trial, and whether another attempt would meet it again."""
    if isinstance(error, TrainerError):
        return "bad_spec", str(error), True
    text = f"{type(error).__name__}: {error}"
    if is_out_of_memory(error):
        return "out_of_memory", text.splitlines()[0], True
    return "error", text, not isinstance(error, OSError)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an allocator, of the host or of a GPU, says that there is no more."""
    # On the CPU torch raises a plain RuntimeError, from its own allocator or from C++'s; GPU libraries do too.
    signs = ("DefaultCPUAllocator", "std::bad_alloc", "out of memory", "ALLOC_FAILED")
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in signs)


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # A launcher may show each worker its own GPU only; the local rank then counts past what is seen.
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    torch.cuda.set_device(device)
    return device
