"""Ctrl-C, and what is left of an executor afterwards."""

import os
import signal
from pathlib import Path

import pytest
import ray

from sweeper.lanes import pool
from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LanePlan
from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from tests.conftest import CPUS
from tests.lanes.fake_trials import RUNNER, fake_spec
from tests.lanes.observers import PROXY, Watching, actors, comes_true, once

pytestmark = pytest.mark.ray
OURS = ("Lane", "Switchboard", PROXY, "TrainController", "RayTrainWorker")


def interrupt(_: object = None) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_pauses_what_runs_and_closing_gives_everything_back(local_ray: None, tmp_path: Path) -> None:
    watching = Watching()
    watching.on_measured = once(interrupt)
    records = [TrialRecord(fake_spec(seed, steps=2000)) for seed in range(2)]
    executor = Executor(LanePlan(lanes=1), str(tmp_path), [watching], runner=RUNNER)
    with pytest.raises(KeyboardInterrupt), executor:
        executor.run(FixedTrials(records))
    assert records[0].state == "paused"
    assert records[0].finished is not None  # it returned by itself
    assert 1 <= len(records[0].measurements) < 500  # of 2000 that take 40 s
    assert records[1].attempts == 0
    assert watching.events[-1] == ("paused", records[0].id)
    assert_everything_is_given_back()


def test_an_interrupt_while_lanes_come_up_leaves_nothing_behind(
    local_ray: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SHARED_END_SECONDS", 60.0)  # for machines that are slow to start a lane
    watching, record = Watching(), TrialRecord(fake_spec(5))
    watching.on_started = once(interrupt)
    executor = Executor(LanePlan(lanes=1), str(tmp_path), [watching], runner=RUNNER)
    with pytest.raises(KeyboardInterrupt), executor:
        executor.run(FixedTrials([record]))
    assert (record.state, record.measurements) == ("paused", [])
    assert_everything_is_given_back()


def test_closing_what_was_never_started_does_nothing(tmp_path: Path) -> None:
    with Executor(LanePlan(), str(tmp_path)) as executor:
        executor.run(FixedTrials([]))
    assert executor._pool is None


def assert_everything_is_given_back() -> None:
    assert comes_true(lambda: not any(actors(name) for name in OURS)), {name: actors(name) for name in OURS}
    assert comes_true(lambda: ray.available_resources().get("CPU") == CPUS)
