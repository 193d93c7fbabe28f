"""The processes of a sweep on a cluster, found to be killed."""

import os
import random
import signal
import time

import psutil

ACTORS = {"worker": "RayTrainWorker", "lane": "Lane"}
"""Class names, as Ray has them, by kind."""
OURS = (*ACTORS.values(), "Switchboard", "TrainController", "ProxyHost")


def actors(address: str, name: str) -> list[int]:
    """Processes of the living actors of a class."""
    from ray.util.state import list_actors

    found = list_actors(
        address, filters=[("class_name", "=", name), ("state", "=", "ALIVE")], raise_on_missing_output=False
    )
    return sorted(int(actor.pid) for actor in found)


def kill_actor(address: str, kind: str, draw: random.Random) -> bool:
    """Kill one of its kind; False where there is none at this moment."""
    pids = actors(address, ACTORS[kind])
    if not pids:
        return False
    try:
        os.kill(draw.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_raylet(ray_start: int) -> None:
    """Kill the raylet that a `ray start --block` process has started."""
    for child in psutil.Process(ray_start).children(recursive=True):
        if child.name() == "raylet":
            child.kill()
            return
    raise AssertionError("the node has no raylet")


def leftovers(address: str, seconds: float) -> dict[str, list[int]]:
    """Our actors that are still alive after so many seconds, by class; empty as soon as none is."""
    deadline = time.monotonic() + seconds
    while True:
        alive = {name: pids for name in OURS if (pids := actors(address, name))}
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.5)


def processes_under(folder: str) -> list[str]:
    """Command lines of living processes that name a folder."""
    return [" ".join(words) for process in psutil.process_iter() if folder in " ".join(words := _words(process))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return []
