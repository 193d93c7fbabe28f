"""The processes of a cluster on this machine, by the folder of its nodes and by what Ray calls them."""

import os
import random
import signal
import time
from pathlib import Path

import psutil

TITLES = {"worker": "ray::RayTrainWorker", "lane": "ray::Lane"}
"""How the title of a process begins, by kind."""
OURS = (
    *TITLES.values(),
    *("ray::Switchboard", "ray::TrainController", "ray::ProxyHost"),
    *("ray::SynchronizationActor", "ray::DatasetManager", "ray::PlacementGroupCleaner"),
)


def kill_one(nodes: Path, kind: str, draw: random.Random) -> bool:
    """Kill a process of its kind; False where there is none at this moment."""
    pids = [process.pid for process in _of_raylets(nodes) if _title(process).startswith(TITLES[kind])]
    if not pids:
        return False
    try:
        os.kill(draw.choice(sorted(pids)), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_raylet(node: Path) -> None:
    """Kill the raylet of one node."""
    (raylet,) = _raylets(node)
    raylet.kill()


def leftovers(nodes: Path, seconds: float) -> list[str]:
    """What of ours still runs after so many seconds; empty as soon as nothing does."""
    deadline = time.monotonic() + seconds
    while True:
        alive = [title for process in _of_raylets(nodes) if (title := _title(process)).startswith(OURS)]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.5)


def processes_under(folder: Path) -> list[str]:
    """Command lines of living processes that name a folder."""
    return [title for process in psutil.process_iter() if str(folder) in (title := _title(process))]


def _raylets(folder: Path) -> list[psutil.Process]:
    found = [process for process in psutil.process_iter() if str(folder) in (title := _title(process)) and title]
    return [process for process in found if Path(_title(process).split()[0]).name == "raylet"]


def _of_raylets(folder: Path) -> list[psutil.Process]:
    children: list[psutil.Process] = []
    for raylet in _raylets(folder):
        try:
            children += raylet.children(recursive=True)
        except psutil.NoSuchProcess:
            continue
    return children


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return ""
