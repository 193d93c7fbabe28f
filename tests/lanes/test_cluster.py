"""How many lanes fit."""

import os

import pytest

from sweeper.lanes import cluster
from sweeper.lanes.cluster import ClusterError, LanePlan, expected_lanes, shape_lanes


@pytest.mark.parametrize(
    ("plan", "available", "lanes", "gpu"),
    [
        (LanePlan(), {"CPU": 4.0}, 4, False),
        (LanePlan(), {"CPU": 1000.0}, cluster.MAX_AUTO_LANES, False),
        (LanePlan(num_workers=2), {"CPU": 5.0}, 2, False),
        (LanePlan(num_workers=2, threads_per_worker=2), {"CPU": 8.0}, 2, False),
        (LanePlan(lanes=1), {"CPU": 4.0}, 1, False),
        (LanePlan(), {"CPU": 16.0, "GPU": 4.0}, 4, True),
        (LanePlan(num_workers=2), {"CPU": 16.0, "GPU": 5.0}, 2, True),
        (LanePlan(threads_per_worker=8), {"CPU": 16.0, "GPU": 4.0}, 2, True),
        (LanePlan(use_gpu=False), {"CPU": 16.0, "GPU": 4.0}, 16, False),
    ],
)
def test_lanes_are_as_many_as_fit_or_as_asked(
    plan: LanePlan, available: dict[str, float], lanes: int, gpu: bool
) -> None:
    count, shape = shape_lanes(plan, available)
    assert (count, shape.lanes, shape.use_gpu) == (lanes, lanes, gpu)
    assert (shape.num_workers, shape.threads_per_worker) == (plan.num_workers, plan.threads_per_worker)


@pytest.mark.parametrize(
    ("plan", "available", "message"),
    [
        (LanePlan(num_workers=4), {"CPU": 2.0}, "a lane of 4 workers with 1 CPUs each does not fit on 2 CPUs"),
        (LanePlan(lanes=3), {"CPU": 2.0}, "resources.lanes: 3 lanes do not fit, 2 would"),
        (LanePlan(num_workers=2), {"CPU": 8.0, "GPU": 1.0}, "a lane of 2 GPU workers does not fit on 1 GPUs"),
        (LanePlan(use_gpu=True), {"CPU": 8.0}, "a lane of 1 GPU workers does not fit on 0 GPUs"),
    ],
)
def test_what_does_not_fit_is_said_with_numbers(plan: LanePlan, available: dict[str, float], message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        shape_lanes(plan, available)


def test_lanes_are_foreseen_from_the_cores_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "local_gpus", lambda: 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4})
    assert expected_lanes(LanePlan(num_workers=2)) == (2, False)
    assert expected_lanes(LanePlan(num_workers=9)) == (1, False)
    assert expected_lanes(LanePlan(lanes=7)) == (7, False)


def test_gpus_of_this_machine_make_gpu_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "local_gpus", lambda: 4)
    assert expected_lanes(LanePlan(num_workers=2)) == (2, True)


def test_several_nodes_need_storage_that_all_of_them_see() -> None:
    cluster.require_shared_storage(LanePlan(), nodes=1)
    cluster.require_shared_storage(LanePlan(shared_storage=True), nodes=2)
    with pytest.raises(ClusterError, match=r"resources\.storage: the cluster has 2 nodes"):
        cluster.require_shared_storage(LanePlan(), nodes=2)
