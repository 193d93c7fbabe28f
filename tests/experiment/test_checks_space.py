"""What must hold in the space: each line names the field, and what to write in its place."""

from typing import Any

import pytest

from sweeper.experiment import ExperimentError, parse_experiment
from tests.experiment.data import whole
from tests.experiment.full_space import full_space

S = "search.space."
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"base_model": ["builtin:tiny"]}, S + "base_model.choices[0]: 'builtin:tiny' is not in base_models; did you mean"),
    (
        {"learning_rate__full__when": {"method": ["full"]}},
        S + "learning_rate.full.when: is not allowed, as every trial",
    ),
    (
        {"learning_rate": {"low": 1e-4, "high": 1e-3, "when": {"method": "full"}}},
        S + "learning_rate.when: is not allowed",
    ),
    (
        {"method": {"choices": ["full"], "when": {"method": "full"}}},
        S + "method.when: is not allowed, as every trial has",
    ),
    ({"lora_r__when": {"base_model": "builtin:tiny-s"}}, S + "lora_r.when.base_model: is not allowed, as an adapter"),
    (
        {"lora_alpha_ratio": {"low": 1.0, "high": 2.2, "step": 0.5}},
        "high 2.2 is not low 1 and whole steps of 0.5; write high: 2 or 2.5",
    ),
    ({"lora_alpha_ratio": {"low": 1.0, "high": 2.0, "step": 3.0}}, "whole steps of 3; write high: 4"),
    (
        {"lora_alpha_ratio": {"low": 1.0, "high": 2.0, "step": 0}},
        S + "lora_alpha_ratio.step: 0 is not allowed; must be > 0",
    ),
    (
        {"lora_alpha_ratio": {"low": 1.0, "high": 2.0, "log": True, "step": 0.5}},
        "step 0.5 and log: true do not go together",
    ),
    ({"warmup_ratio": {"low": 0.0, "high": 0.2, "step": 1e-9}}, "step 1e-09 makes 2e+08 values of 0 to 0.2; write a"),
    ({"warmup_ratio": {"low": 0.0, "high": 0.2, "step": 0}}, "step 0 is not allowed; must be > 0"),
    ({"learning_rate__full": {"low": 1e-3, "high": 2e-3, "step": 1e-3}}, "do not go together; write log: false"),
    ({"lora_target_modules": ["q_proj", "v_proj"]}, S + "lora_target_modules: ['q_proj', 'v_proj'] may mean one set"),
    ({"lora_target_modules": {"choices": [["q_proj", 1]]}}, S + "lora_target_modules.choices[0]: ['q_proj', 1] is not"),
    (
        {"lora_alpha_ratio": {"choices": [2.0], "when": {"method": ["full"]}}},
        "when.method: 'full' has no adapter; take it",
    ),
    ({"weight_decay__when": {"schedule": "wsd"}}, S + "weight_decay.when.schedule: is no field of search.space"),
    ({"weight_decay__when": {"lr_scheduler_typ": "wsd"}}, "did you mean 'lr_scheduler_type'?"),
    (
        {"weight_decay__when": {"lr_scheduler_type": "cosine"}},
        "when.lr_scheduler_type: 'cosine' is not a choice of lr_sch",
    ),
    ({"weight_decay__when": {"warmup_ratio": 0.1}}, "when.warmup_ratio: warmup_ratio is a range; a condition needs"),
    ({"weight_decay__when": {"learning_rate": 1e-3}}, "when.learning_rate: differs by method or is not in this space"),
    (
        {"weight_decay__when": {"weight_decay": 0.1}},
        "weight_decay cannot depend on weight_decay: only on fields above it",
    ),
    ({"warmup_ratio": {"choices": [0.1], "when": {"global_batch_size": 8}}}, "cannot depend on global_batch_size"),
    (
        {"weight_decay__when": {"lr_scheduler_type": []}},
        "lr_scheduler_type: [] is not allowed; write the values of lr_sch",
    ),
    (
        {"weight_decay__when": ["wsd"]},
        S + "weight_decay.when: ['wsd'] is not allowed; write the fields that it depends on",
    ),
    (
        {"lr_scheduler_type": ["constant", "cosine"]},
        S + "lr_scheduler_type: 'cosine' is not allowed here: search prunes",
    ),
    (
        {"warmup_ratio": {"low": 0.0, "high": 0.9}},
        "trainer.decay_ratio: 0.2 and search.space.warmup_ratio 0.9 sum to more",
    ),
    ({"global_batch_size": {"low": 1, "high": 100}}, "search.max_tokens: 10k is less than one step of 12800 tokens"),
    ({"mixture": ...}, S + "domain_ratio: missing; add the target's share"),
    ({"domain_ratio": 0.5}, S + "domain_ratio: and mixture say the same twice"),
    ({"mixture__code": ...}, S + "mixture: leaves out 'code', the target; give it bounds"),
    ({"mixture__general": ...}, S + "mixture: leaves out 'general', the constrained corpus"),
    ({"mixture__genral": 0.1}, S + "mixture.genral: is not a corpus of this file; did you mean 'general'?"),
    (
        {"mixture__general": {"low": 0.9}},
        S + "mixture: holds no mixture, as the lowest shares sum to 1.05, more than 1",
    ),
    (
        {"mixture__general": {"low": 0, "high": 0.1}, "mixture__code__high": 0.2},
        "highest shares sum to 0.65, less than 1",
    ),
    ({"mixture__law": {"low": 0.3, "high": 0.1}}, S + "mixture.law: low 0.3 is above high 0.1; exchange them"),
    ({"mixture__law": {"low": "a"}}, S + "mixture.law.low: 'a' is not allowed; must be a number"),
    ({"mixture__law": "a"}, S + "mixture.law: 'a' is not allowed; must be a mapping"),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=[said[:60] for _, said in REFUSED])
def test_what_is_wrong_with_a_space_is_said(changes: dict[str, Any], said: str) -> None:
    data = full_space(**changes)
    data["search"] |= {"enqueue": [], "max_tokens": "10k"}
    with pytest.raises(ExperimentError) as error:
        parse_experiment(data)
    assert said in str(error.value)


def test_every_field_of_the_space_may_be_searched_at_once() -> None:
    space = parse_experiment(full_space()).search.space
    assert space.fields == set(type(space).model_fields) - {"domain_ratio"}


def test_a_searched_decay_is_allowed_where_only_finished_losses_count() -> None:
    data = whole(
        search__pruner="none", law__evaluations=1, search__space__lr_scheduler_type=["cosine", "linear", "constant"]
    )
    assert parse_experiment(data).search.space.fields >= {"lr_scheduler_type"}


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (
            [4, 6],
            "resources.num_workers: 4 workers cannot divide the 6 sequences of a step (search.space.global_batch_siz",
        ),
        ({"low": 4, "high": 16}, "search.space.global_batch_size: holds batches that 4 workers"),
        ({"low": 4, "high": 16, "step": 4}, None),
        ([4, 16], None),
    ],
)
def test_workers_have_to_divide_every_batch(batch: object, said: str | None) -> None:
    data = whole(search__space__global_batch_size=batch, resources={"num_workers": 4})
    if said is None:
        assert parse_experiment(data).resources.num_workers == 4
        return
    with pytest.raises(ExperimentError) as error:
        parse_experiment(data)
    assert said in str(error.value)


POINTS: list[tuple[dict[str, Any], str]] = [
    ({"methd": "full"}, "search.enqueue[0].methd: is no field of search.space; did you mean 'method'?"),
    ({"domain_ratio": 0.5}, "search.enqueue[0].domain_ratio: is no field of search.space"),
    (
        {"method": "ful"},
        "search.enqueue[0].method: 'ful' is not a choice of search.space; known: 'full', 'lora', 'qlora'",
    ),
    (
        {"learning_rate": 1e-3},
        "search.enqueue[0].learning_rate: is only there where method is 'full' or method is 'lora'",
    ),
    ({"method": "full", "learning_rate": 0.5}, "0.5 is outside of search.space's range from 0.0001 to 0.01"),
    ({"method": "full", "learning_rate": "1e-3"}, "'1e-3' is not allowed; must be a number"),
    (
        {"method": "full", "lora_r": 8},
        "search.enqueue[0].lora_r: is only there where method is 'lora', 'qlora'; say so in",
    ),
    ({"method": "lora", "lora_r": 8.0}, "lora_r: 8.0 is not allowed; must be a whole number"),
    ({"method": "lora", "lora_alpha_ratio": 1.3}, "lora_alpha_ratio: 1.3 is not low 1 and whole steps of 0.5"),
    ({"warmup_ratio": True}, "warmup_ratio: True is not allowed; must be a number"),
    ({"warmup_ratio": float("nan")}, "warmup_ratio: nan is outside of"),
    ({"mixture": {"code": 0.5}}, "search.enqueue[0].mixture: {'code': 0.5} is not allowed; give the share of each of"),
    (
        {"mixture": {"general": 0.5, "code": 0.3, "law": 0.1, "books": 0.05}},
        "mixture: sums to 0.95; shares must sum to 1",
    ),
    (
        {"mixture": {"general": 0.1, "code": 0.6, "law": 0.25, "books": 0.05}},
        "mixture.general: 0.1 is outside of its boun",
    ),
]


@pytest.mark.parametrize(("given", "said"), POINTS, ids=[said[:60] for _, said in POINTS])
def test_a_starting_point_outside_of_the_space_is_refused(given: dict[str, Any], said: str) -> None:
    data = full_space()
    data["search"]["enqueue"] = [given]
    with pytest.raises(ExperimentError) as error:
        parse_experiment(data)
    assert said in str(error.value)


def test_a_value_that_only_one_choice_leaves_open_need_not_be_said() -> None:
    point = {"learning_rate": 1e-3, "lora_r": 8}
    data = whole(search__space__method="qlora", search__enqueue=[point])
    assert parse_experiment(data).search.enqueue[0]["lora_r"] == 8


def test_more_starting_points_than_trials_are_refused() -> None:
    with pytest.raises(ExperimentError, match=r"search\.trials: 1 does not hold the 2 starting points"):
        parse_experiment(whole(search__enqueue=[{"method": "full"}, {"method": "qlora"}], search__trials=1))


def test_a_grid_beyond_all_counting_is_refused_without_being_written_down() -> None:
    fine = {"low": 0.0, "high": 1.0, "step": 1e-6}
    with pytest.raises(ExperimentError, match=r"search.sampler: 'grid' tries every value, but search.space has up to"):
        parse_experiment(
            whole(
                search__sampler="grid",
                search__space={"method": "full", "learning_rate": [1e-3], "domain_ratio": fine, "warmup_ratio": fine},
                trainer={"decay_ratio": 0.0},
            )
        )


@pytest.mark.parametrize(
    ("trainer", "said"),
    [
        ({"warmup_ratio": 0.0, "warmup_start_ratio": 0.1}, "trainer.warmup_start_ratio: 0.1 is where a warm-up begins"),
        ({"min_lr_ratio": 0.1}, "trainer.min_lr_ratio: 0.1 is where a decay ends, but a constant rate has none"),
        ({"parallel": "fsdp", "optimizer": "adamw_8bit"}, "trainer.optimizer: bitsandbytes' 'adamw_8bit' cannot keep"),
    ],
)
def test_what_a_trial_would_refuse_is_refused_at_the_door(trainer: dict[str, Any], said: str) -> None:
    with pytest.raises(ExperimentError) as error:
        parse_experiment(whole(trainer=trainer))
    assert said in str(error.value)
