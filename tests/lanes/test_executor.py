"""Trials on two real lanes of one worker: phases, pruning, and what is lost and found again."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LanePlan
from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from tests.conftest import CPUS
from tests.lanes.fake_trials import RUNNER, fake_spec
from tests.lanes.observers import PROXY, Pruning, Watching, actors, comes_true, once

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def watching() -> Watching:
    return Watching()


@pytest.fixture(scope="module")
def lanes(local_ray: None, tmp_path_factory: pytest.TempPathFactory, watching: Watching) -> Iterator[Executor]:
    storage = str(tmp_path_factory.mktemp("storage"))
    with Executor(LanePlan(lanes=2, num_workers=1), storage, [watching], runner=RUNNER) as executor:
        yield executor


@pytest.fixture(autouse=True)
def _forget(watching: Watching) -> Iterator[None]:
    watching.events.clear()
    yield
    watching.on_measured = None


def run(lanes: Executor, *records: TrialRecord) -> None:
    lanes.run(FixedTrials(records))


def processes(records: list[TrialRecord]) -> set[str]:
    return {record.finished.device for record in records if record.finished}


def test_trials_of_two_phases_run_on_the_same_two_warm_workers(lanes: Executor) -> None:
    first = [TrialRecord(fake_spec(seed, steps=20)) for seed in range(4)]
    run(lanes, *first)
    lanes_before = actors("Lane")
    second = [TrialRecord(fake_spec(seed, steps=20)) for seed in range(10, 16)]
    run(lanes, *second)
    assert [record.state for record in first + second] == ["completed"] * 10
    assert [len(record.measurements) for record in first + second] == [20] * 10
    assert {record.node for record in first + second} == {ray.util.get_node_ip_address()}
    assert len(processes(second)) == 2
    assert processes(first) <= processes(second)
    assert actors("Lane") == lanes_before
    assert len(lanes_before) == 2


def test_two_trials_run_at_the_same_time(lanes: Executor, watching: Watching) -> None:
    run(lanes, *(TrialRecord(fake_spec(seed, steps=30)) for seed in range(20, 22)))
    names = [name for name, _ in watching.events]
    assert names[:2] == ["started", "started"]
    both = {trial for name, trial in watching.events[: names.index("completed")] if name.startswith("measured")}
    assert len(both) == 2


def test_a_trial_pruned_at_a_rung_returns_and_leaves_its_lane_to_the_next(lanes: Executor) -> None:
    bad = [TrialRecord(fake_spec(seed, steps=200, rungs=(100,), learning_rate=5)) for seed in range(30, 34)]
    good = [TrialRecord(fake_spec(seed, rungs=(100,), learning_rate=0.5)) for seed in range(34, 36)]
    before = actors("Lane")
    lanes.run(Pruning([*bad, *good]))
    assert [(record.state, record.reason) for record in bad] == [("pruned", "too high")] * 4
    assert [[m.tokens for m in record.measurements] for record in bad] == [[100]] * 4
    assert [(record.state, len(record.measurements)) for record in good] == [("completed", 3)] * 2
    assert actors("Lane") == before


def test_a_trial_that_raises_fails_with_its_reason_once_and_others_run(lanes: Executor) -> None:
    records = [TrialRecord(fake_spec(40, how="raise")), *(TrialRecord(fake_spec(seed)) for seed in range(41, 44))]
    run(lanes, *records)
    assert [record.state for record in records] == ["failed"] + ["completed"] * 3
    assert records[0].reason.strip().endswith("ValueError: this spec cannot run")
    assert records[0].attempts == 1


def test_a_trial_whose_worker_dies_is_taken_up_again_by_its_lane(lanes: Executor, tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    record, beside = TrialRecord(fake_spec(50, how=f"die 1 {attempts}")), TrialRecord(fake_spec(51, steps=10))
    before = actors("Lane")
    run(lanes, record, beside)
    assert [record.state, beside.state] == ["completed"] * 2
    assert attempts.read_text() == "xx"
    assert record.attempts == 1  # the lane's business, not Tune's
    assert actors("Lane") == before


def test_a_trial_whose_lane_dies_completes_on_the_lane_that_replaces_it(lanes: Executor, watching: Watching) -> None:
    records = [TrialRecord(fake_spec(seed, steps=100)) for seed in range(60, 62)]
    before = actors("Lane")
    watching.on_measured = once(lambda record: os.kill(min(before), signal.SIGKILL))
    run(lanes, *records)
    assert [record.state for record in records] == ["completed"] * 2
    assert sorted(record.attempts for record in records) == [1, 2]
    assert [len(record.measurements) for record in records] == [100] * 2
    after = actors("Lane")
    assert len(after) == 2
    assert len(after & before) == 1
    assert comes_true(lambda: ray.available_resources().get("CPU") == CPUS - 2)  # what the dead lane held came back


def test_a_trial_whose_proxy_dies_completes_without_a_new_lane(
    lanes: Executor, watching: Watching, tmp_path: Path
) -> None:
    record, before, proxies = TrialRecord(fake_spec(70, steps=50)), actors("Lane"), actors(PROXY)
    watching.on_measured = once(lambda _: [os.kill(pid, signal.SIGKILL) for pid in proxies])
    run(lanes, record)
    assert (record.state, record.attempts, len(record.measurements)) == ("completed", 2, 50)
    assert actors("Lane") == before
    both = [TrialRecord(fake_spec(seed, how=f"meet 2 {tmp_path}")) for seed in (71, 72)]
    run(lanes, *both)  # neither lane is held by the proxy that died
    assert len(processes(both)) == 2
