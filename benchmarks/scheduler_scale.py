"""One driver, many lanes: a search of 1,000 trials on 64 lanes whose workers sleep.

    python -m benchmarks.scheduler_scale [--trials 1000] [--lanes 64] [--seconds 20]

What is measured and how to read it: `benchmarks/README.md` and `docs/evidence/scale.md`.
"""

import argparse
import collections
import itertools
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

import numpy as np
import psutil

from benchmarks.simulated_lanes import SimulatedLanes, Turn, Work
from benchmarks.simulated_search import experiment, open_study, search_trials
from sweeper.cli.display import Display
from sweeper.lanes import cluster
from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LanePlan
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.session import CountingObserver
from sweeper.pipeline.track import TrackingObserver
from sweeper.tracking.factory import open_tracker
from sweeper.trials.store import TrialStore

CPUS = 2
"""Of the local Ray; simulated lanes ask for none."""
DRAIN_SECONDS = 60.0
"""For the tracker to write what is left at the end."""


@dataclass
class Vitals:
    """What the driver and the machine used, once a second."""

    started: float = field(default_factory=time.time)
    cpu_started: float = field(default_factory=time.process_time)
    rows: list[tuple[float, float, int, int]] = field(default_factory=list)
    """Unix time, CPU seconds of this process, its resident bytes, trials ended."""
    machine: list[float] = field(default_factory=list)
    """CPU use of the whole machine, cores."""


class Watch:
    """Takes the driver's vitals from a thread of its own."""

    def __init__(self, store: TrialStore) -> None:
        self.vitals = Vitals()
        self._store, self._process, self._over = store, psutil.Process(), threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Watch":
        psutil.cpu_percent()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _work(self) -> None:
        while not self._over.wait(1.0):
            self._look()

    def _look(self) -> None:
        ended = sum(record.state != "running" for record in list(self._store._records.values()))
        self.vitals.rows.append((time.time(), time.process_time(), self._process.memory_info().rss, ended))
        self.vitals.machine.append(psutil.cpu_percent() / 100 * (os.cpu_count() or 1))


def measure(trials: int, lanes: int, seconds: float, output: Path) -> dict[str, Any]:
    """Run the search once; the figures of the JSON line.

    Raises:
        RuntimeError: not every trial ended in a verdict or at its end.
    """
    asked = experiment(trials, lanes)
    store, counts = TrialStore(output / "trials"), Counts()
    tracker = open_tracker("auto", output, experiment=asked.name, target=asked.target)
    tracking = TrackingObserver(tracker, asked, store)
    simulated = SimulatedLanes(Work(seconds), lanes)
    with Display(asked.target) as display:
        observers = [store, CountingObserver(counts), tracking, display]
        display.phase("search", trials)
        study = open_study(output / "study.journal", asked)
        with Executor(
            LanePlan(lanes=lanes, threads_per_worker=0, use_gpu=False), str(output / "ray"), observers, maker=simulated
        ) as executor:
            executor.start()
            with Watch(store) as watch:
                executor.run(search_trials(study, asked, store))
            turns = simulated.turns()
            simulated.close()
        drain = time.monotonic()
        tracker.finish(timeout_seconds=DRAIN_SECONDS)
        drain = time.monotonic() - drain
    states = collections.Counter(record.state for record in store)
    if set(states) - {"completed", "pruned"} or sum(states.values()) != trials:
        raise RuntimeError(f"of {trials} trials: {dict(states)}")
    return {
        **latency(turns),
        **usage(watch.vitals, trials),
        **growth("ask", study.asks),
        **growth("tell", study.tells),
        "trials": trials,
        "completed": states["completed"],
        "pruned": states["pruned"],
        "lanes": lanes,
        "trial_seconds": seconds,
        "tracker_drain_s": round(drain, 2),
    }


def idle_times(turns: Iterable[Turn]) -> list[float]:
    """Seconds from each trial's end on a lane to the next one's start there."""
    by_lane: dict[str, list[Turn]] = {}
    for turn in turns:
        by_lane.setdefault(turn.lane, []).append(turn)
    return [after.began - before.ended for lane in by_lane.values() for before, after in itertools.pairwise(lane)]


def latency(turns: Sequence[Turn]) -> dict[str, Any]:
    """From a lane's falling idle to its next trial's start."""
    idle = idle_times(turns)
    began, ended = min(turn.began for turn in turns), max(turn.ended for turn in turns)
    p50, p90, p99 = (float(q) for q in np.quantile(idle, [0.5, 0.9, 0.99])) if idle else (float("nan"),) * 3
    return {
        "idle_to_start_p99_s": round(p99, 4),
        "idle_to_start_p90_s": round(p90, 4),
        "idle_to_start_p50_s": round(p50, 4),
        "idle_to_start_max_s": round(max(idle, default=float("nan")), 4),
        "idle_to_start_n": len(idle),
        "trials_per_second": round(len(turns) / (ended - began), 3),
        "lanes_busy": round(sum(turn.ended - turn.began for turn in turns) / (ended - began), 1),
    }


def usage(vitals: Vitals, trials: int) -> dict[str, Any]:
    """CPU and memory of the driver, load of the machine."""
    last = vitals.rows[-1]
    wall = last[0] - vitals.started
    tenth = next(row for row in vitals.rows if row[3] >= trials / 10)
    return {
        "driver_cores": round((last[1] - vitals.cpu_started) / wall, 3),
        "seconds": round(wall, 1),
        "memory_tenth_mib": round(tenth[2] / 2**20),
        "memory_end_mib": round(last[2] / 2**20),
        "machine_cores": os.cpu_count(),
        "machine_cores_used": round(statistics.mean(vitals.machine), 2),
        "load_average": [round(load, 1) for load in os.getloadavg()],
    }


def growth(name: str, times: Sequence[float]) -> dict[str, Any]:
    """Medians of the first and last tenth, and the exponent b of time ~ n^b, from medians of twenty parts."""
    parts = [part for part in np.array_split(np.asarray(times), 20) if len(part)]
    medians = [float(np.median(part)) for part in parts]
    sizes = np.array([len(part) for part in parts])
    middles = np.cumsum(sizes) - sizes / 2
    exponent = float(np.polyfit(np.log(middles), np.log(medians), 1)[0]) if len(parts) > 2 else float("nan")
    tenth = max(1, len(times) // 10)
    return {
        f"{name}_first_ms": round(1000 * statistics.median(times[:tenth]), 2),
        f"{name}_last_ms": round(1000 * statistics.median(times[-tenth:]), 2),
        f"{name}_max_ms": round(1000 * max(times), 1),
        f"{name}_growth": round(exponent, 2),
    }


def main() -> None:
    """Measure; the last line is JSON."""
    parser = argparse.ArgumentParser(description="One driver, many simulated lanes.")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=20.0, help="that a trial sleeps, if it is not pruned")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], *filter(None, [os.environ.get("PYTHONPATH")])])
    cluster.join(None, cpus=CPUS)
    try:
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            figures = measure(arguments.trials, arguments.lanes, arguments.seconds, Path(folder))
    finally:
        cluster.leave()
    print(json.dumps({"benchmark": "scheduler_scale", **figures}))


if __name__ == "__main__":
    main()
