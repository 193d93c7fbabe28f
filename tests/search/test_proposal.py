from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.experiment import parse_experiment
from sweeper.experiment.distributions import Float, Int, Parameter
from sweeper.search.proposal import exists, middle, point, propose
from sweeper.search.study import Study
from tests.experiment.full_space import full_space

ASKED = parse_experiment(full_space())
SPACE = ASKED.search.space.parameters("code")
BOUNDS = {"general": (0.2, 1.0), "code": (0.1, 0.7), "law": (0.0, 0.3), "books": (0.05, 0.05)}


def asked_from(start: dict[str, Any], seed: int = 0) -> Any:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    study.enqueue_trial(point(SPACE, start))
    return propose(study.ask(), SPACE)


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_a_proposal_keeps_every_bound_step_and_condition(seed: int) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    made = propose(study.ask(), SPACE)
    assert made.mixture is not None
    assert sum(made.mixture.values()) == pytest.approx(1.0)
    for name, (low, high) in BOUNDS.items():
        assert low - 1e-9 <= made.mixture[name] <= high + 1e-9
    assert made.domain_ratio == made.mixture["code"]
    assert (made.lora_r is None) == (made.lora_alpha_ratio is None) == (made.method == "full")
    assert (made.lora_target_modules is None) == (made.method != "qlora")
    assert (made.weight_decay is None) == (made.lr_scheduler_type != "wsd")
    assert made.lora_alpha_ratio is None or made.lora_alpha_ratio % 0.5 == 0
    if made.method == "qlora":
        assert made.learning_rate in [pytest.approx(rate) for rate in (1e-3, 2e-3, 3e-3, 4e-3, 5e-3)]


def test_a_starting_point_is_proposed_as_it_was_given() -> None:
    mixture = {"general": 0.5, "code": 0.3, "law": 0.15, "books": 0.05}
    start = {"method": "qlora", "lora_r": 8, "lora_target_modules": "q_proj,v_proj", "learning_rate": 3e-3}
    made = asked_from({**start, "mixture": mixture, "base_model": "builtin:tiny-s", "warmup_ratio": 0.1})
    assert {name: getattr(made, name) for name in start} == start
    assert made.mixture == pytest.approx(mixture)
    assert (made.base_model, made.warmup_ratio) == ("builtin:tiny-s", 0.1)


def test_what_a_starting_point_leaves_out_is_proposed() -> None:
    seen = {asked_from({"method": "full"}, seed).learning_rate for seed in range(5)}
    assert len(seen) == 5


def test_the_recipe_divides_the_rest_as_the_mixture_does() -> None:
    made = asked_from({"mixture": {"general": 0.5, "code": 0.3, "law": 0.15, "books": 0.05}})
    assert made.recipe("code").composition == pytest.approx({"general": 5 / 7, "law": 1.5 / 7, "books": 0.5 / 7})


def test_the_middle_lies_on_the_step() -> None:
    space = (
        SPACE[0],
        Parameter("a", "warmup_ratio", Float(0.0, 0.5, step=0.25)),
        Parameter("b", "lora_r", Int(1, 9, step=4)),
    )
    assert middle(space, "full") == {"method": "full", "a": 0.25, "b": 5}


def test_a_condition_on_a_field_that_does_not_exist_is_not_met() -> None:
    parameter = Parameter("weight_decay", "weight_decay", Float(0.0, 1.0), {"lora_r": (8,)})
    assert exists(parameter, {"method": "qlora", "lora_r": 8})
    assert not exists(parameter, {"method": "full"})


def study(folder: Path, *starts: dict[str, Any]) -> Study:
    return Study(
        folder / "study.log", "s", SPACE, sampler=ASKED.search.sampler, startup_trials=50, pruner=ASKED.search.pruner,
        rungs=(100, 200), max_tokens=400, seed=0, enqueue=starts,
    )  # fmt: skip


def test_starting_points_come_first_and_methods_without_one_in_their_middles(tmp_path: Path) -> None:
    asked = study(tmp_path, {"method": "qlora", "lora_r": 32, "learning_rate": 2e-3}, {"warmup_ratio": 0.2})
    first = [asked.ask()[1] for _ in range(4)]
    assert [made.method for made in (first[0], *first[2:])] == ["qlora", "full", "lora"]
    assert (first[0].lora_r, first[0].learning_rate, first[1].warmup_ratio) == (32, 2e-3, 0.2)
    assert first[2].learning_rate == pytest.approx(1e-3)


def test_a_study_that_is_opened_again_adds_only_new_starting_points(tmp_path: Path) -> None:
    start = {"method": "full", "learning_rate": 5e-3}
    study(tmp_path, start)  # died before it asked
    asked = study(tmp_path, start)
    assert [asked.ask()[1].method for _ in range(3)] == ["full", "lora", "qlora"]
    asked = study(tmp_path, start, {"method": "lora", "learning_rate": 1e-2})
    made = asked.ask()[1]
    assert (made.method, made.learning_rate) == ("lora", 1e-2)
    waiting = optuna.trial.TrialState.WAITING
    assert not study(tmp_path, start, {"method": "lora", "learning_rate": 1e-2})._study.get_trials(states=(waiting,))
