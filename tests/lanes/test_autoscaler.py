"""What an autoscaler may bring a cluster to."""

from sweeper.lanes.autoscaler import most_resources

HEAD = {"resources": {"CPU": 8, "head": 1}}
GPU = {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 4}
BIG = {"resources": {"CPU": 96, "GPU": 8}, "max_workers": 1}


def cluster(max_workers: int, **workers: object) -> dict[str, object]:
    return {"max_workers": max_workers, "head_node_type": "head", "available_node_types": {"head": HEAD, **workers}}


def test_all_workers_of_a_type_and_the_head_count() -> None:
    assert most_resources(cluster(4, gpu=GPU)) == {"CPU": 8 + 4 * 8, "GPU": 4, "head": 1}


def test_the_number_of_machines_in_all_limits_the_types_and_the_largest_come_first() -> None:
    assert most_resources(cluster(2, gpu=GPU, big=BIG)) == {"CPU": 8 + 96 + 8, "GPU": 8 + 1, "head": 1}


def test_a_type_without_a_limit_of_its_own_has_that_of_all() -> None:
    assert most_resources(cluster(3, gpu={"resources": {"GPU": 2}}))["GPU"] == 6


def test_more_heads_do_not_come() -> None:
    assert most_resources(cluster(5)) == {"CPU": 8, "head": 1}
