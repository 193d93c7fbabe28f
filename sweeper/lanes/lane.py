"""A lane: one long-lived Ray Train worker group behind a mailbox, as one Ray actor that the driver owns."""

import threading
from dataclasses import dataclass
from typing import Any

from sweeper.lanes.mailbox import Mailbox, Pulse


@dataclass(frozen=True)
class LaneShape:
    """What each lane holds."""

    workers: int
    threads: int
    """Torch threads a worker; also the CPUs it asks Ray for."""
    gpu: bool
    storage: str
    """Folder for Ray Train's own bookkeeping; on several nodes, one that all of them share."""
    runner: str = "trainers.loop:run_and_keep"
    """What runs one spec, as `module:function` with the signature of `trainers.loop.run_and_keep`."""


class Lane(Mailbox):
    """A mailbox whose ranks are a `TorchTrainer` worker group run in a thread of the same process.

    `max_failures=-1`: Ray Train restarts the group whatever happens to a worker, and the mailbox decides what a lost
    worker means for the job.
    """

    def __init__(self, name: str, shape: LaneShape) -> None:
        super().__init__(shape.workers)
        self._name, self._shape = name, shape
        self._error: str | None = None
        self._thread: threading.Thread | None = None

    async def start(self, handle: Any) -> None:
        """Bring the worker group up; `handle` is this actor's own, for the ranks to call."""
        self._thread = threading.Thread(target=self._fit, args=(handle,), daemon=True)
        self._thread.start()

    async def pulse(self) -> Pulse:
        """How the lane is."""
        return (await super().pulse())._replace(error=self._error)

    async def ended(self) -> bool:
        """True once the worker group is gone."""
        return self._thread is None or not self._thread.is_alive()

    def _fit(self, handle: Any) -> None:
        # The thread outlives any one call; what it raises must be kept for whoever asks, or it is lost with the thread.
        try:
            self._trainer(handle).fit()
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"

    def _trainer(self, handle: Any) -> Any:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer

        from sweeper.lanes.worker import serve

        shape = self._shape
        return TorchTrainer(
            serve,
            train_loop_config={"mailbox": handle, "threads": shape.threads, "runner": shape.runner},
            scaling_config=ScalingConfig(
                num_workers=shape.workers,
                use_gpu=shape.gpu,
                resources_per_worker={"CPU": shape.threads} | ({"GPU": 1} if shape.gpu else {}),
            ),
            torch_config=TorchConfig(backend="nccl" if shape.gpu else "gloo"),
            run_config=RunConfig(
                storage_path=shape.storage, name=self._name, failure_config=FailureConfig(max_failures=-1)
            ),
        )
