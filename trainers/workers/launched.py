"""The workers that `torchrun` launched, as one group."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

from trainers.workers.ranks import Ranks


@contextmanager
def launched_workers() -> Iterator[Ranks]:
    """The group of all processes that a launcher started beside this one; this process alone without a launcher.

    NCCL with GPUs, else gloo.
    """
    if "WORLD_SIZE" not in os.environ or dist.is_initialized():
        yield Ranks.current()
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks.current()
    finally:
        dist.destroy_process_group()
