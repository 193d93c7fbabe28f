"""What every rank of a lane runs: job after job from the mailbox, each through `trainers`."""

import importlib
import os
import traceback
from collections.abc import Callable
from typing import Any

from trainers.messages import Failure, Finished, Measurement, Message, Verdict
from trainers.spec import TrialSpec

POLL_SECONDS = 20.0
Report = Callable[[Message], Verdict]
Runner = Callable[[TrialSpec, Report], Finished | Failure]


def serve(config: dict[str, Any]) -> None:
    """Take specs from the lane until it closes; Ray Train starts this on every rank, and again after losing workers."""
    import ray

    runner = _set_up(config)
    rank, mailbox, seen = ray.train.get_context().get_world_rank(), config["mailbox"], 0
    ray.get(mailbox.arrive.remote(rank, ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()))
    while True:
        job = ray.get(mailbox.take.remote(rank, seen, POLL_SECONDS))
        if job == "close":
            return
        if job is None:
            continue
        seen, spec = job
        try:
            _run(runner, spec, seen, rank, mailbox)
        finally:
            ray.get(mailbox.returned.remote(seen, rank))


def _set_up(config: dict[str, Any]) -> Runner:
    import ray.train  # noqa: F401
    import torch

    torch.set_num_threads(config["threads"])
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Imported before the first job, so that no trial pays for it.
    module, _, function = config["runner"].partition(":")
    runner: Runner = getattr(importlib.import_module(module), function)
    return runner


def _run(runner: Runner, spec_json: str, number: int, rank: int, mailbox: Any) -> None:
    import ray
    import torch

    spec = TrialSpec.model_validate_json(spec_json)

    def report(message: Message) -> Verdict:
        wait = isinstance(message, Measurement) and message.tokens in spec.rungs
        answer = ray.get(mailbox.report.remote(number, message.model_dump_json(), wait))
        return Verdict.model_validate_json(answer)

    try:
        outcome = runner(spec, report)
    except Exception:
        reason = traceback.format_exc(limit=-6)
        if _has_peers():
            # Trainers agree on every failure and return it; what they raise is a group that lost a rank. Ray Train
            # starts it afresh, and the job is offered again.
            ray.get(mailbox.broke.remote(number, reason))
            raise
        failure = Failure(cause="error", reason=reason, tokens=0, repeatable=True)
        ray.get(mailbox.report.remote(number, failure.model_dump_json(), False))
        if torch.cuda.is_available():
            raise  # its GPU context may be broken: start afresh; the failed job is not offered again
        return
    if rank == 0:
        ray.get(mailbox.report.remote(number, outcome.model_dump_json(), False))


def _has_peers() -> bool:
    import torch.distributed as dist

    return dist.is_initialized() and dist.get_world_size() > 1
