"""What Ray Train leaves behind when its controller is killed as it starts."""

import pytest
import ray
from ray.train.v2._internal.execution.controller.placement_group_cleaner import PlacementGroupCleaner

from sweeper.lanes.orphans import end_cleaners
from tests.lanes.observers import actors, comes_true

pytestmark = pytest.mark.ray


def test_a_cleaner_that_watches_nobody_is_ended(local_ray: None) -> None:
    cleaner = ray.remote(num_cpus=0)(PlacementGroupCleaner).options(lifetime="detached").remote("", 1.0, 1.0, None)
    assert comes_true(lambda: bool(actors("PlacementGroupCleaner")))
    end_cleaners()
    assert comes_true(lambda: not actors("PlacementGroupCleaner"))
    del cleaner
