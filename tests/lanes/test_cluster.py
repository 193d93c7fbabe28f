"""What the machines of a cluster allow."""

import os

import pytest

from sweeper.lanes import cluster
from sweeper.lanes.cluster import expected_lanes
from sweeper.lanes.plan import ClusterError, LanePlan


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
