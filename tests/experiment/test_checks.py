"""What must hold between fields."""

from typing import Any

import pytest

from sweeper.experiment import ExperimentError, parse_experiment
from tests.experiment.data import whole

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"target": "codes"}, "target: 'codes' is not a corpus of this file; did you mean 'code'?"),
    (
        {"constraint__corpus": "generall"},
        "constraint.corpus: 'generall' is not a corpus of this file; did you mean 'general'?",
    ),
    ({"constraint__corpus": "code"}, "constraint.corpus: 'code' is the target"),
    ({"corpora__general": {"source": "x", "weight": 0}}, "corpora: every corpus beside the target has weight 0"),
    (
        {"corpora__seen": {"source": "y", "weight": 0}, "constraint__corpus": "seen"},
        "constraint.corpus: 'seen' has weight 0",
    ),
    ({"pretraining": {"corpora": ["generl"]}}, "pretraining.corpora[0]: 'generl' is not a corpus"),
    (
        {"search__space__method": {"choices": ["full", "lora"]}},
        "search.space.learning_rate.lora: missing, while 'lora'",
    ),
    ({"search__space__lora_r": ...}, "search.space.lora_r: missing, while 'qlora' is a choice"),
    (
        {"search__space__lora_r": {"choices": [4], "when": {"method": ["lora"]}}},
        "lora_r.when.method: leaves out 'qlora'",
    ),
    ({"search__trials": 0}, "search.trials: 0 is allowed only where nothing is searched"),
    ({"search__rungs": []}, "search.rungs: is empty, but the pruner 'successive_halving' needs one"),
    (
        {"design": "active", "search__objectives": "pareto", "search__pruner": "none"},
        "design: 'active' weighs runs by one objective, but search.objectives names",
    ),
    (
        {"design": "active", "search__rungs": [], "search__pruner": "none"},
        "search.rungs: is empty, but the active design weighs trials there",
    ),
    ({"design": "active", "search__sampler": "grid"}, "search.sampler: 'grid' tries every point"),
    (
        {"design": "active", "trainer__lr_scheduler_type": "cosine", "search__pruner": "none", "law__evaluations": 1},
        "trainer.lr_scheduler_type: 'cosine' is not allowed here: the active design leaves trials by losses",
    ),
    ({"search__max_tokens": 1023}, "search.max_tokens: 1023 is less than one step of 1024 tokens"),
    ({"law__max_tokens": 1000}, "law.max_tokens: 1k is less than one step of 1024 tokens"),
    ({"confirm__tokens": 10}, "confirm.tokens: 10 is less than one step of 1024 tokens"),
    ({"evaluation": {"max_tokens": 127}}, "evaluation.max_tokens: 127 is less than one sequence of 128 tokens"),
    ({"resources": {"num_workers": 3}}, "resources.num_workers: 3 workers cannot divide the 8 sequences"),
    ({"resources": {"num_workers": 16}}, "resources.num_workers: 16 workers cannot divide the 8 sequences"),
    (
        {"trainer": {"lr_scheduler_type": "wsd", "warmup_ratio": 0.5, "decay_ratio": 0.6}},
        "trainer.decay_ratio: 0.6 and warmup_ratio 0.5 sum to more than 1",
    ),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=[said[:50] for _, said in REFUSED])
def test_fields_that_do_not_fit_together_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError) as error:
        parse_experiment(whole(**changes))
    assert said in str(error.value)


def test_all_misfits_are_listed_at_once() -> None:
    data = whole(target="codes", search__trials=0, confirm__tokens=1, resources={"num_workers": 3})
    with pytest.raises(ExperimentError) as error:
        parse_experiment(data)
    assert [line.strip().split(":")[0] for line in str(error.value).splitlines()[1:]] == [
        *("target", "search.trials", "confirm.tokens", "resources.num_workers")
    ]


@pytest.mark.parametrize("kind", ["cosine", "linear"])
@pytest.mark.parametrize(
    ("pruner", "evaluations", "reason"),
    [
        ("successive_halving", 1, "search prunes on losses in the middle of a trial"),
        ("none", 6, "the law is fitted to losses along a trial"),
    ],
)
def test_decaying_schedules_are_refused_where_unfinished_losses_count(
    kind: str, pruner: str, evaluations: int, reason: str
) -> None:
    data = whole(trainer={"lr_scheduler_type": kind}, search__pruner=pruner, law__evaluations=evaluations)
    with pytest.raises(ExperimentError) as error:
        parse_experiment(data)
    assert f"trainer.lr_scheduler_type: {kind!r} is not allowed here: {reason}" in str(error.value)
    assert "use 'constant' or 'wsd'" in str(error.value)


def test_decaying_schedule_is_allowed_where_only_finished_losses_count() -> None:
    data = whole(trainer={"lr_scheduler_type": "cosine"}, search__pruner="none", law__evaluations=1)
    assert parse_experiment(data).trainer.lr_scheduler_type == "cosine"


def test_no_trials_are_allowed_where_everything_is_fixed() -> None:
    fixed = {"method": "qlora", "learning_rate": {"qlora": 1e-3}, "lora_r": 8, "domain_ratio": 0.3}
    assert parse_experiment(whole(search__trials=0, search__space=fixed)).search.trials == 0


def test_a_step_may_be_the_whole_budget() -> None:
    assert parse_experiment(whole(confirm__tokens=1024)).confirm.tokens == 1024


def test_rungs_may_be_empty_without_a_pruner() -> None:
    assert parse_experiment(whole(search__rungs=[], search__pruner="none")).search.rungs == ()
