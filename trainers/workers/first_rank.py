"""Work of the first rank alone that may take longer than the others' patience."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from trainers.workers.ranks import Ranks

T = TypeVar("T")
MEET_SECONDS = 5.0
"""Far below the time after which a collective operation gives up (NCCL: 10 minutes)."""


def on_first_rank(ranks: Ranks, part: Callable[[], T], meet_seconds: float = MEET_SECONDS) -> T | None:
    """Run a part that speaks to no other rank on rank 0; all ranks must call it and leave it together.

    The ranks meet every few seconds, so that however long it takes no collective operation times out.

    Returns:
        What the part returned on rank 0, None elsewhere.

    Raises:
        TrialFailed: the part failed; on every rank.
    """
    if ranks.size == 1:
        return ranks.together(part)
    if not ranks.first:
        _meet_until_done(ranks, None, meet_seconds)
        return ranks.together(lambda: None)
    # A new thread begins on the first GPU, whichever is ours.
    with ThreadPoolExecutor(1, initializer=_take_device, initargs=(ranks.device,)) as pool:
        future = pool.submit(part)
        _meet_until_done(ranks, future, meet_seconds)
        return ranks.together(future.result)


def _meet_until_done(ranks: Ranks, future: "Future[T] | None", seconds: float) -> None:
    while ranks.sum_number(future is not None and bool(wait([future], seconds).done)) == 0:
        pass


def _take_device(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_device(device)
