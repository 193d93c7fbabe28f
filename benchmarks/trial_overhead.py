"""Our trials on lanes against the documented pattern (a Tune function that calls `TorchTrainer.fit()`).

    python -m benchmarks.trial_overhead [--workers 1 2] [--repeats 1] [--pause 2]

What is measured and how to read it: `benchmarks/README.md`.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

import numpy as np
from numpy.typing import NDArray

from benchmarks import documented_pattern
from benchmarks.tiny_trials import Stamps, make_inputs, make_specs, run_stamped, take_stamps
from sweeper.lanes import cluster
from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LanePlan
from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Progress
from trainers.spec import TrialSpec

SLOTS = 2
TRIALS = 8
SIDES = ("lanes", "documented")
RESAMPLES = 2000


@dataclass(frozen=True)
class Phase:
    """Trials that were given at once: when, and the moment Tune took each for ended."""

    began: float
    ended: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """One side, measured once."""

    startups: list[float]
    """Seconds a trial, in the order in which trials began."""
    total: float
    """Seconds from the first phase's begin until everything is put away, without the pause."""


Pause = Callable[[], None]


class Ends:
    """Observes when Tune takes a trial of ours for ended."""

    def __init__(self) -> None:
        self.ended: dict[str, float] = {}

    def trial_started(self, record: TrialRecord) -> None:
        """Not needed: a trial's wait begins when its slot is free."""

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Not needed: workers take the stamps."""

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Not needed: workers take the stamps."""

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Nothing to do."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Note it.

        Raises:
            RuntimeError: the trial failed.
        """
        if record.state != "completed":
            raise RuntimeError(f"a trial of ours is {record.state}: {record.reason}")
        self.ended[record.id] = time.time()


def run_lanes(batches: Sequence[Sequence[TrialSpec]], workers: int, storage: str, pause: Pause) -> list[Phase]:
    """Both phases on our lanes; lanes come up with the first and are gone when this returns."""
    phases = []
    ends = Ends()
    plan = LanePlan(lanes=SLOTS, num_workers=workers, use_gpu=False)
    runner = f"{run_stamped.__module__}:{run_stamped.__name__}"
    with Executor(plan, storage, [ends], runner=runner) as executor:
        for index, batch in enumerate(batches):
            if index:
                pause()
            began = time.time()
            executor.run(FixedTrials([TrialRecord(spec) for spec in batch]))
            phases.append(Phase(began, {spec.id: ends.ended[spec.id] for spec in batch}))
    return phases


def run_documented(batches: Sequence[Sequence[TrialSpec]], workers: int, storage: str, pause: Pause) -> list[Phase]:
    """Both phases in the documented pattern, a Tuner each: a Tuner ends with its trials."""
    phases = []
    for index, batch in enumerate(batches):
        if index:
            pause()
        began = time.time()
        phases.append(Phase(began, documented_pattern.run_phase(batch, SLOTS, workers, storage)))
    return phases


def startups(phases: Sequence[Phase], stamps: dict[str, Stamps]) -> list[float]:
    """Seconds from the moment a slot was free for a trial to its first message, in the order in which trials began.

    A phase begins with `SLOTS` free slots; after that the n-th end frees the slot of the n-th trial that had to wait.
    """
    waits = []
    for phase in phases:
        free = [phase.began] * SLOTS + sorted(phase.ended.values())
        firsts = sorted((stamps[trial].called, stamps[trial].first) for trial in phase.ended)
        waits += [first - slot for slot, (_, first) in zip(free, firsts, strict=False)]
    return waits


def measure(side: str, folder: Path, workers: int, pause_seconds: float) -> Outcome:
    """Run one side once.

    Raises:
        RuntimeError: not every trial ran exactly once.
    """
    specs = make_specs(folder, TRIALS)
    batches = [specs[: TRIALS // 2], specs[TRIALS // 2 :]]
    run = run_lanes if side == "lanes" else run_documented
    with tempfile.TemporaryDirectory(prefix="overhead-") as storage:
        began = time.time()
        phases = run(batches, workers, storage, lambda: time.sleep(pause_seconds))
        total = time.time() - began - pause_seconds
    stamps = take_stamps(folder)
    if len(stamps) != TRIALS:
        raise RuntimeError(f"{side}: {len(stamps)} of {TRIALS} trials ran")
    return Outcome(startups(phases, stamps), total)


def start_ray(cpus: int) -> None:
    """Start Ray with warm caches of the disk: whichever side comes first must not pay for them."""
    import ray
    import ray.train.torch
    import ray.tune

    os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], *filter(None, [os.environ.get("PYTHONPATH")])])
    cluster.join(None, cpus=cpus)

    @ray.remote(num_cpus=1)  # type: ignore[untyped-decorator]
    def imports() -> None:
        import trainers.loop  # noqa: F401

    ray.get(imports.remote())


def let_resources_return(cpus: int) -> None:
    """Wait until the side before has given every CPU back, at most 20 s."""
    import ray

    deadline = time.monotonic() + 20
    while ray.available_resources().get("CPU", 0) < cpus and time.monotonic() < deadline:
        time.sleep(0.1)


def run_case(workers: int, folder: Path, repeats: int, pause: float) -> dict[str, Any]:
    """Both sides with `workers` workers a trial, alternating which comes first; prints and returns the case."""
    cpus = SLOTS * workers
    start_ray(cpus)
    outcomes: dict[str, list[Outcome]] = {side: [] for side in SIDES}
    try:
        for repeat in range(repeats):
            for side in SIDES if repeat % 2 == 0 else SIDES[::-1]:
                let_resources_return(cpus)
                outcomes[side].append(measure(side, folder, workers, pause))
                print(describe(workers, side, outcomes[side][-1]), flush=True)
    finally:
        cluster.leave()
    return compare(workers, outcomes)


def describe(workers: int, side: str, outcome: Outcome) -> str:
    """One line about one side."""
    times = " ".join(f"{s:.2f}" for s in outcome.startups)
    return f"{workers} worker(s), {side:10}: start-up s {times} | all {TRIALS} trials {outcome.total:.1f} s"


def compare(workers: int, outcomes: dict[str, list[Outcome]]) -> dict[str, Any]:
    """Ratios documented / lanes with their spread, and the figures behind them."""
    waits = {side: [s for outcome in outcomes[side] for s in outcome.startups] for side in SIDES}
    totals = {side: [outcome.total for outcome in outcomes[side]] for side in SIDES}
    low, high = ratio_interval(outcomes["documented"], outcomes["lanes"])
    pairs = [a / b for a, b in zip(totals["documented"], totals["lanes"], strict=True)]
    return {
        "workers": workers,
        "start_ratio": round(statistics.median(waits["documented"]) / statistics.median(waits["lanes"]), 2),
        "start_ratio_90": [round(low, 2), round(high, 2)],
        "start_ratio_mean": round(statistics.mean(waits["documented"]) / statistics.mean(waits["lanes"]), 2),
        "total_ratio": round(statistics.median(pairs), 2),
        "total_ratio_range": [round(min(pairs), 2), round(max(pairs), 2)],
        "start_seconds": {side: summary(waits[side]) for side in SIDES},
        "total_seconds": {side: [round(total, 2) for total in totals[side]] for side in SIDES},
    }


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Median, mean and extremes."""
    figures = {"median": statistics.median(seconds), "mean": statistics.mean(seconds)}
    return {key: round(value, 3) for key, value in (figures | {"min": min(seconds), "max": max(seconds)}).items()}


def ratio_interval(above: Sequence[Outcome], below: Sequence[Outcome]) -> tuple[float, float]:
    """The middle 90 % of the ratio of medians when the trials of each side are drawn again."""
    rng = np.random.default_rng(0)
    low, high = np.quantile(resampled_medians(above, rng) / resampled_medians(below, rng), [0.05, 0.95])
    return float(low), float(high)


def resampled_medians(outcomes: Sequence[Outcome], rng: np.random.Generator) -> NDArray[np.float64]:
    """(RESAMPLES,) medians; the first trial of each slot and the later ones are drawn apart: the design fixes both."""
    first = [s for outcome in outcomes for s in outcome.startups[:SLOTS]]
    later = [s for outcome in outcomes for s in outcome.startups[SLOTS:]]
    drawn = [rng.choice(waits, (RESAMPLES, len(waits))) for waits in (first, later)]
    medians: NDArray[np.float64] = np.median(np.concatenate(drawn, axis=1), axis=1)
    return medians


def print_case(case: dict[str, Any]) -> None:
    """The ratios of one case, in words."""
    low, high = case["start_ratio_90"]
    least, most = case["total_ratio_range"]
    print(
        f"{case['workers']} worker(s): start-up per trial {case['start_ratio']:.1f} times shorter "
        f"(medians; 90 % {low:.1f} to {high:.1f}; by means, lane set-up included, {case['start_ratio_mean']:.1f}), "
        f"{TRIALS} trials {case['total_ratio']:.2f} times faster ({least:.2f} to {most:.2f} over repeats)",
        flush=True,
    )


def machine() -> dict[str, Any]:
    """Where it ran."""
    import ray

    return {"cores": cluster.usable_cpus(), "python": platform.python_version(), "ray": ray.__version__}


def main() -> None:
    """Measure every case; the last line is JSON."""
    parser = argparse.ArgumentParser(description="Our trials against a TorchTrainer.fit() a trial.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="workers a trial, one case each")
    parser.add_argument("--repeats", type=int, default=1, help="how often each side runs; they alternate")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between the two phases")
    arguments = parser.parse_args()
    cases = []
    with tempfile.TemporaryDirectory(prefix="overhead-inputs-") as folder:
        make_inputs(Path(folder))
        for workers in arguments.workers:
            cases.append(run_case(workers, Path(folder), arguments.repeats, arguments.pause))
            print_case(cases[-1])
    worst = {key: min(case[key] for case in cases) for key in ("start_ratio", "start_ratio_mean", "total_ratio")}
    print(json.dumps({"benchmark": "trial_overhead", **worst, "cases": cases, "machine": machine()}))


if __name__ == "__main__":
    main()
