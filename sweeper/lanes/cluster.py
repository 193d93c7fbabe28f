"""Starting or joining Ray, and what its machines allow."""

import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweeper.lanes.plan import ClusterError, LanePlan

HEAD = "node:__internal_head__"


def require_shared_storage(plan: LanePlan, nodes: int) -> None:
    """Refuse several nodes without a folder that all of them see.

    Raises:
        ClusterError: text, base models and checkpoints would be missing on all nodes but one.
    """
    if nodes > 1 and not plan.shared_storage:
        raise ClusterError(
            f"resources.storage: the cluster has {nodes} nodes, which need a folder that all see under one path; "
            "set storage to it (docs/cluster.md)"
        )


def join(address: str | None, cpus: int | None = None) -> None:
    """Start a local Ray, or join the cluster at `address` ("auto": the one that this machine belongs to).

    Raises:
        ClusterError: no cluster answers at `address`.
    """
    # Read by Ray when it is imported or started: no result files nobody reads, no snapshots of what is rebuilt anyway.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "3600")
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    # A process a lane that looks out for notices no trial of ours uses.
    os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "1")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return
    with _own_sigterm():
        _join(address, cpus)


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep this process' handler of SIGTERM: Ray puts one there that ends the process with a dump of its stack."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _join(address: str | None, cpus: int | None) -> None:
    import ray

    if address is None:
        ray.init(
            num_cpus=cpus, log_to_driver=False, configure_logging=True, logging_level="ERROR", include_dashboard=True
        )
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except ConnectionError as error:
        raise ClusterError(
            f"address: no Ray cluster at {address!r} ({error}); start one with `ray up cluster.yaml` or "
            "`ray start --head`, or leave --address out to use this machine alone"
        ) from error


def leave() -> None:
    """Disconnect; a local Ray ends with it."""
    import ray

    if ray.is_initialized():
        ray.shutdown()


def local_gpus() -> int:
    """GPUs of this machine, found without importing torch."""
    return sum(1 for _ in Path("/dev").glob("nvidia[0-9]*"))


def expected_lanes(plan: LanePlan) -> tuple[int, bool]:
    """How many lanes there will be on this machine and whether they have GPUs, found without starting Ray."""
    gpus = local_gpus()
    use_gpu = gpus > 0 if plan.use_gpu is None else plan.use_gpu
    fit = gpus // plan.num_workers if use_gpu else usable_cpus() // (plan.num_workers * plan.threads_per_worker)
    return plan.lanes or max(1, fit), use_gpu


def usable_cpus() -> int:
    """Cores that this process may use: a container's limit, not the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def scratch() -> str:
    """A local folder for what Tune writes and nobody reads again."""
    return tempfile.mkdtemp(prefix="sweeper-tune-")


def resources() -> dict[str, Any]:
    """What the cluster has in all."""
    import ray

    return dict(ray.cluster_resources())


def alive_nodes() -> set[str]:
    """Ids of the machines that the cluster has."""
    import ray

    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}
