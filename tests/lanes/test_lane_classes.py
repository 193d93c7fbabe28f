"""Lanes of two classes under Ray Tune, whose workers sleep."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.simulated_lanes import SimulatedLanes, Work
from benchmarks.simulated_search import spec_of
from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LanePlan
from sweeper.lanes.source import FixedTrials
from sweeper.search.proposal import Proposal
from sweeper.trials.record import TrialRecord
from trainers.spec import ModelRef

pytestmark = pytest.mark.ray
SMALL = LanePlan(3, name="small", models=("small",), threads_per_worker=0, use_gpu=False, least=1)
LARGE = LanePlan(1, name="large", threads_per_worker=0, use_gpu=False, least=0, parallel="fsdp")


@pytest.fixture
def simulated(local_ray: None) -> Iterator[SimulatedLanes]:
    lanes = SimulatedLanes(Work(0.25, documents=2), 4)
    yield lanes
    lanes.close()


def trial(model: str, seed: int) -> TrialRecord:
    spec = spec_of(Proposal("full", 3e-4, 0.5), seed)
    return TrialRecord(spec.model_copy(update={"model": ModelRef(name=model, path="nowhere", fingerprint=model)}))


def test_each_class_runs_its_own_trials_and_lanes_that_are_not_needed_go(
    simulated: SimulatedLanes, tmp_path: Path
) -> None:
    both = [trial("small", seed) for seed in range(6)] + [trial("large", seed) for seed in range(2)]
    with Executor([SMALL, LARGE], str(tmp_path), maker=simulated, idle_seconds=0.5) as lanes:
        lanes.run(FixedTrials(both))
        classes = {turn.trial: turn.lane.split("-")[0] for turn in simulated.turns()}
        assert classes == {record.id: record.spec.model.name for record in both}
        pool = lanes._pool
        assert pool is not None
        lanes.run(FixedTrials([trial("small", seed) for seed in range(10, 60)]))  # some four seconds
        assert pool.count("up", "coming")["large"] == 0
        assert pool.count("up")["small"] >= 1
        lanes.run(FixedTrials([again := trial("large", 3)]))
    assert {record.state for record in [*both, again]} == {"completed"}
