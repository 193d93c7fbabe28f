"""Lanes of different sizes, checked at the door."""

from typing import Any

import pytest

from sweeper.experiment import ExperimentError, parse_experiment
from tests.experiment.data import whole

SMALL = {"models": ["builtin:tiny-s"], "lanes": 4}
LARGE = {"num_workers": 8, "parallel": "fsdp"}


def classes(**given: dict[str, Any]) -> dict[str, Any]:
    return whole(resources={"classes": given})


def test_classes_keep_their_order_and_leave_open_what_is_not_given() -> None:
    resources = parse_experiment(classes(small=SMALL, large=LARGE)).resources
    assert list(resources.classes) == ["small", "large"]
    small, large = resources.classes.values()
    assert (small.models, small.lanes, small.min_lanes, small.num_workers) == (("builtin:tiny-s",), 4, None, None)
    assert (large.models, large.parallel, large.lanes) == (None, "fsdp", None)


@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        (
            classes(small=SMALL),
            "resources.classes",
            "takes 'full on builtin:tiny-m', 'qlora on builtin:tiny-m'",
        ),
        (classes(a={"models": ["builtin:tiny-x"]}, b={}), "resources.classes.a.models", "did you mean 'builtin:tiny-"),
        (classes(a={"methods": "qlora"}), "resources.classes", "no class takes 'full on builtin:tiny-s'"),
        (classes(a={"lanes": 2, "min_lanes": 3}), "resources.classes.a.min_lanes", "3 is more than lanes: 2"),
        (classes(a={"num_workers": 3}), "resources.classes.a.num_workers", "3 workers cannot divide the 8 sequences"),
        (classes(a={"num_worker": 3}), "resources.classes.a", "num_worker"),
        (whole(resources={"lanes": 2, "min_lanes": 3}), "resources.min_lanes", "3 is more than lanes: 2"),
        (whole(resources={"lanes": 2, "classes": {"a": {}}}), "resources.lanes", "write lanes there"),
        (
            whole(resources={"classes": {"a": LARGE}}, trainer={"optimizer": "adamw_8bit"}),
            "resources.classes.a.parallel",
            "'fsdp' cannot keep the state",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_with_its_field(data: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(ExperimentError) as refused:
        parse_experiment(data)
    assert field in str(refused.value)
    assert message in str(refused.value)
