"""Trials and studies of experiments that were written before a field existed keep their names."""

import pytest

from sweeper.pipeline.search import _study_name
from sweeper.search.objective import Objective
from tests.pipeline.made_up import experiment, factory

OBJECTIVE = Objective("code", "general", 3.1, 5.0)


def test_trials_keep_their_ids() -> None:
    made = factory(experiment())
    assert [
        made.base("builtin:tiny-s", "qlora").id,
        made.search("full", 1e-3, None, 0.4).id,
        made.search("qlora", 1e-3, 8, 0.4).id,
        made.rate_check("builtin:tiny-s", "full", 1e-3, None, 0.4).id,
        made.law("builtin:tiny-s", "full", 1e-3, None, 0.0).id,
        made.law("builtin:tiny-m", "full", 1e-3, None, 0.33, 1).id,
        made.confirm("full", 1e-3, None, 0.4).id,
    ] == [
        "572f988e1cda", "f63e2e8f30ed", "ba1e6c0e1a1a", "3edc3b77af52", "7bfc7fc627ff", "990651361063", "463a11997051",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rank", "name"),
    [
        ({"choices": [4, 8, 16], "when": {"method": ["lora", "qlora"]}}, "small-344ecd8004"),
        ({"low": 4, "high": 64, "log": True}, "small-75d1b2669b"),
    ],
)
def test_studies_keep_their_names(rank: dict[str, object], name: str) -> None:
    made = factory(experiment(search__space__lora_r=rank))
    assert _study_name(made.experiment, made, OBJECTIVE) == name
