"""Lanes by demand: what pool and desk are told, and what the user hears; cluster and pool are played."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from sweeper.lanes import supply
from sweeper.lanes.plan import ClusterError, LanePlan
from sweeper.lanes.supply import NO_LANE_SECONDS, NOTE_AGAIN_SECONDS, NOTE_SECONDS, TURN_SECONDS, Supply, room

SMALL = LanePlan(4, name="small", models=("s",), least=0, use_gpu=False)
LARGE = LanePlan(1, name="large", num_workers=4, least=0, use_gpu=False)


class Pool:
    """Remembers what it was told; `up` and `coming` are set by the test."""

    def __init__(self) -> None:
        self.up: Counter[str] = Counter()
        self.coming: Counter[str] = Counter()
        self.targets: Mapping[str, int] = {}

    def watch(self, machines: set[str]) -> None:
        pass

    def count(self, state: str) -> Counter[str]:
        return self.up if state == "up" else self.coming

    def adjust(self, targets: Mapping[str, int], idle_seconds: float) -> None:
        self.targets = targets


class Desk:
    """Wants what the test says."""

    def __init__(self, **wanted: int) -> None:
        self.needs = wanted
        self.room: Mapping[str, int] = {}
        self.error: BaseException | None = None

    def wanted(self) -> dict[str, int]:
        return self.needs

    def make_room(self, room: Mapping[str, int]) -> None:
        self.room = room

    def broke(self, error: BaseException) -> None:
        self.error = error


class Stage:
    """A supply on a cluster of four CPUs, with a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, desk: Desk, promised: Any = None) -> None:
        self.pool, self.desk, self.said, self.now = Pool(), desk, [], 1000.0
        self.said: list[str] = []
        self.cpus = 4.0
        monkeypatch.setattr(supply.cluster, "resources", lambda: {"CPU": self.cpus})
        monkeypatch.setattr(supply.cluster, "alive_nodes", lambda: {"a"})
        monkeypatch.setattr(supply.time, "monotonic", lambda: self.now)
        self.supply = Supply(
            [SMALL, LARGE],
            self.pool,  # type: ignore[arg-type]
            desk,  # type: ignore[arg-type]
            promised=promised,
            idle_seconds=300.0,
            say=self.said.append,
        )

    def tick(self, after: float = 1.0) -> None:
        self.now += after
        self.supply.tick()


def test_room_is_one_trial_a_lane_that_is_up_or_only_has_to_start() -> None:
    up, coming = Counter(small=2), Counter(small=3, large=1)
    assert room(up, coming, {"small": 4, "large": 0}) == {"small": 4, "large": 0}


def test_many_lanes_have_a_few_trials_in_advance() -> None:
    for lanes, trials in ((15, 15), (16, 17), (64, 68)):
        assert room(Counter(small=lanes), Counter(), {"small": lanes}) == {"small": trials}


def test_lanes_follow_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Desk(small=2))
    stage.tick()
    assert stage.pool.targets == {"small": 2, "large": 0}
    stage.desk.needs = {}
    stage.tick()
    assert stage.pool.targets == {"small": 0, "large": 0}


def test_an_autoscaler_is_asked_for_more_than_there_is_and_trials_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Desk(small=8, large=1), promised={"CPU": 8.0})
    stage.pool.up, stage.pool.coming = Counter(small=3), Counter(small=1, large=1)
    stage.tick()
    assert stage.pool.targets == {"small": 4, "large": 1}
    assert stage.desk.room == {"small": 4, "large": 0}  # the large lane's machine is still to come


def test_a_class_that_waits_long_gets_the_lanes_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Desk(small=50, large=1))
    stage.pool.up = Counter(small=4)
    stage.tick()
    assert stage.pool.targets == {"small": 4, "large": 0}
    stage.tick(TURN_SECONDS + 1)
    assert stage.pool.targets == {"small": 0, "large": 1}


def test_the_user_hears_of_missing_lanes_after_a_while_and_of_their_return(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Desk(small=4))
    stage.pool.up, stage.pool.coming = Counter(small=1), Counter(small=3)
    stage.tick()
    stage.tick(NOTE_SECONDS - 2)
    assert stage.said == []
    stage.tick(3)
    stage.tick(3)
    assert len(stage.said) == 1
    assert "1 of 4 of small (1 CPUs and 0 GPUs each)" in stage.said[0]
    stage.tick(NOTE_AGAIN_SECONDS + 1)
    assert len(stage.said) == 2
    stage.pool.up = Counter(small=4)
    stage.tick()
    stage.tick()
    assert stage.said[2:] == ["all lanes are up"]


def test_without_any_lane_for_long_the_sweep_ends_unless_machines_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    for promised in (None, {"CPU": 8.0}):
        stage = Stage(monkeypatch, Desk(small=4), promised)
        stage.tick()
        stage.tick(NO_LANE_SECONDS - 1)
        assert stage.desk.error is None
        stage.tick(3)
        assert isinstance(stage.desk.error, ClusterError) == (promised is None)


def test_with_one_lane_left_the_sweep_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Desk(small=4, large=1))
    stage.pool.up = Counter(small=1)
    stage.tick()
    stage.tick(NO_LANE_SECONDS + 1)
    assert stage.desk.error is None
