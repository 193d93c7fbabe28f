"""Processes of Ray Train's that nobody will end."""

import contextlib
import logging
import os
import signal

import psutil

CLEANER = "PlacementGroupCleaner"
"""Outlives the controller of a worker group, to give back what that held. A controller that is killed in the moment
after it has started one has not told it whom to watch, and it would stay for as long as the cluster lives."""
_log = logging.getLogger(__name__)


def end_cleaners() -> None:
    """End the cleaners on this machine that this process' worker groups, or those of drivers that died, have left.

    To be called when the worker groups of this process are gone.
    """
    import ray
    from ray.util.state import list_actors, list_jobs
    from ray.util.state.exception import RayStateApiException

    context = ray.get_runtime_context()
    try:
        running = {job.job_id for job in list_jobs(context.gcs_address) if job.status == "RUNNING"}
        filters = [("class_name", "=", CLEANER), ("state", "=", "ALIVE"), ("node_id", "=", context.get_node_id())]
        found = list_actors(context.gcs_address, filters=filters)
    except RayStateApiException as error:
        _log.warning("what Ray Train may have left behind cannot be listed: %s", error)
        return
    for actor in found:
        if actor.job_id not in running - {context.get_job_id()}:
            _end(int(actor.pid))


def _end(pid: int) -> None:
    """End a process, unless it has ended and its number is another's now."""
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        if CLEANER in " ".join(psutil.Process(pid).cmdline()):
            os.kill(pid, signal.SIGTERM)
