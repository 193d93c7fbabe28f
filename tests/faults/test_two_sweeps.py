"""Two sweeps at once on one cluster."""

import subprocess

import pytest

from tests.faults.conftest import Make
from tests.faults.sweeps import Sweep

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(900)]


def test_two_sweeps_share_a_cluster_with_room_for_both(
    undisturbed: Sweep, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """They share a cache, too, and both find that it lacks their base model."""
    cache = tmp_path_factory.mktemp("shared-cache")
    sweeps = [Sweep(tmp_path_factory.mktemp(name), cache, address) for name in ("one", "other")]
    for sweep in sweeps:
        sweep.write()
        sweep.harm(sleep=0.05)
    processes = [sweep.begin() for sweep in sweeps]
    codes = [process.wait(600) for process in processes]
    assert codes == [0, 0], [sweep.said for sweep in sweeps]
    for sweep in sweeps:
        sweep.assert_whole(undisturbed)


def test_a_sweep_that_finds_the_cluster_taken_waits_for_room(make_sweep: Make, undisturbed: Sweep) -> None:
    import ray

    @ray.remote(num_cpus=4)
    class Greedy:
        def here(self) -> bool:
            return True

    greedy = Greedy.remote()
    assert ray.get(greedy.here.remote())
    sweep = make_sweep()
    process = sweep.begin()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(45)
        ray.kill(greedy)
        assert process.wait(400) == 0, sweep.said
    finally:
        process.kill()
    sweep.assert_whole(undisturbed)
