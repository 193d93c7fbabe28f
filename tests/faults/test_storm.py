"""`kill -9`, twenty times in one sweep, of whatever runs it: the sweep ends as if nothing had happened."""

import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from sweeper.measurements import read_table
from tests.cluster.two_nodes import TwoNodes
from tests.faults import victims
from tests.faults.faulty_trials import attempts
from tests.faults.sweeps import PATIENCE, ROOT, Sweep
from trainers.spec import TrialSpec

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(5400)]
KINDS = ("driver", "worker", "lane", "raylet")
KILLS = 20
SEED = 5
STEP_SECONDS = 0.5
LAW = {"domain_ratio": [0.0, 0.25, 0.5, 0.75, 1.0], "max_tokens": "4k", "replicates": 1}
RESOURCES = {"lanes": 2}


@dataclass
class Storm:
    """Kills at random moments, each while trials take steps."""

    sweep: Sweep
    nodes: TwoNodes
    folder: Path
    """Of the nodes."""
    draw: random.Random
    process: subprocess.Popen[str]
    done: list[str] = field(default_factory=list)

    def strike(self) -> None:
        """Wait for trials to be under way, a random while longer, and kill one of the kind whose turn it is."""
        kind = KINDS[len(self.done) % len(KINDS)]
        self._wait_for_steps()
        time.sleep(self.draw.uniform(0, 4))
        if self.process.poll() is not None:
            return
        if kind == "driver":
            self.process.kill()
            self.process.wait()
            self.process = self.sweep.begin()
        elif kind == "raylet":
            second = self.nodes.processes["second"]
            victims.kill_raylet(self.folder / "second")
            second.wait(60)
            self.nodes.start_second()
        elif not victims.kill_one(self.folder, kind, self.draw):
            return
        self.done.append(kind)

    def _wait_for_steps(self) -> None:
        """Until a step is taken that was not before, or the run is over."""
        before, deadline = self._steps(), time.monotonic() + PATIENCE
        while self._steps() <= before and self.process.poll() is None:
            assert time.monotonic() < deadline, self.sweep.said
            time.sleep(0.1)

    def _steps(self) -> int:
        trace = self.sweep.shared / "trace"
        return sum(len(steps) for trial in attempts(trace).values() for steps in trial) if trace.exists() else 0


@dataclass(frozen=True)
class After:
    """What is to be looked at when the storm is over."""

    undisturbed: Sweep
    stormed: Sweep
    kills: list[str]
    alive: list[str]
    """Of our actors, after the last driver has left."""
    free_cpus: float
    processes: list[str]
    """What still runs in the cluster's folder once the cluster was stopped."""


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text(secrets.token_hex(32), encoding="ascii")
    environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(ROOT)
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="storm-", ignore_cleanup_errors=True) as short,
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        with TwoNodes(Path(short), environment) as nodes:
            undisturbed = sweep_in(tmp_path_factory.mktemp("calm"), tmp_path_factory, nodes)
            assert undisturbed.run() == 0, undisturbed.said
            stormed = sweep_in(tmp_path_factory.mktemp("storm"), tmp_path_factory, nodes, undisturbed.cache)
            stormed.harm(sleep=STEP_SECONDS)
            kills = rage(stormed, nodes, Path(short))
            alive = victims.leftovers(Path(short), 60)
            free = free_cpus(nodes.address)
        yield After(undisturbed, stormed, kills, alive, free, victims.processes_under(Path(short)))


def sweep_in(folder: Path, factory: pytest.TempPathFactory, nodes: TwoNodes, cache: Path | None = None) -> Sweep:
    storage = factory.mktemp("storage")
    sweep = Sweep(folder, cache or factory.mktemp("cache"), nodes.address, storage)
    sweep.write(law=LAW, resources=RESOURCES)
    return sweep


def rage(sweep: Sweep, nodes: TwoNodes, folder: Path) -> list[str]:
    """Twenty kills, then peace; returns what was killed."""
    storm = Storm(sweep, nodes, folder, random.Random(SEED), sweep.begin())
    try:
        while len(storm.done) < KILLS and storm.process.poll() is None:
            storm.strike()
        assert storm.process.wait(2 * PATIENCE) == 0, sweep.said
    finally:
        storm.process.kill()
    return storm.done


def free_cpus(address: str) -> float:
    """CPUs that nobody holds once things have settled; asked by a process of its own, for this one may be in a Ray."""
    asked = subprocess.run([sys.executable, "-c", _FREE_CPUS, address], capture_output=True, text=True, timeout=300)
    assert asked.returncode == 0, asked.stderr
    return float(asked.stdout.split()[-1])


_FREE_CPUS = """
import sys, time, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
deadline = time.monotonic() + 60
while (free := ray.available_resources().get("CPU", 0.0)) != 2 and time.monotonic() < deadline:
    time.sleep(0.5)
print(free)
"""


def test_it_was_a_storm(after: After) -> None:
    assert Counter(after.kills) == Counter({kind: KILLS // len(KINDS) for kind in KINDS}), after.stormed.said


def test_the_same_trials_end_in_the_same_way_with_equal_losses(after: After) -> None:
    assert after.stormed.results() == after.undisturbed.results()


def test_every_law_point_is_present_once(after: After) -> None:
    keys = [
        [(row["trial"], row["tokens"], row["corpus"], row["split"]) for row in read_table(sweep.output).to_pylist()]
        for sweep in (after.stormed, after.undisturbed)
    ]
    assert len(keys[0]) == len(set(keys[0]))
    assert set(keys[0]) == set(keys[1])


def test_no_kill_cost_a_running_trial_more_than_one_evaluation_interval(after: After) -> None:
    specs = {record.id: record.spec for record in after.stormed.records()}
    repeated = 0
    for trial, taken in attempts(after.stormed.shared / "trace").items():
        for before, again in pairwise([steps for steps in taken if steps]):
            assert before[-1] + 1 - again[0] <= longest_interval(specs[trial]), (trial, taken)
            repeated += max(0, before[-1] + 1 - again[0])
    assert repeated > 0  # else the kills have hit nothing


def longest_interval(spec: TrialSpec) -> int:
    """In steps."""
    size = spec.global_batch_size * spec.max_seq_length
    points = [0, *(-(-tokens // size) for tokens in spec.evaluate_at), -(-spec.max_tokens // size)]
    return max(b - a for a, b in pairwise(sorted(points)))


def test_nothing_of_it_is_left_running_or_held(after: After) -> None:
    assert after.alive == []
    assert after.free_cpus == 2
    assert after.processes == []


def test_mlflow_has_one_finished_run_a_trial(after: After) -> None:
    after.stormed.assert_whole(after.undisturbed)
