"""Which compute precision all trials of an experiment have."""

from typing import Literal

from sweeper.experiment.model import Experiment
from sweeper.lanes import cluster


def choose_precision(experiment: Experiment, address: str | None) -> Literal["fp32", "bf16"]:
    """The experiment's, or for `auto` bf16 where trials run on GPUs and fp32 elsewhere.

    It is part of a trial's identity, so it is settled before anything is computed.
    """
    asked = experiment.trainer.precision
    if asked != "auto":
        return asked
    use_gpu = experiment.resources.use_gpu
    return "bf16" if (_gpus(address) if use_gpu is None else use_gpu) else "fp32"


def _gpus(address: str | None) -> bool:
    if address is None:
        return cluster.local_gpus() > 0
    cluster.join(address)
    return bool(cluster.resources().get("GPU", 0) > 0)
