"""What the search found goes with a setting through every later phase."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sweeper.experiment import ExperimentError, parse_experiment
from sweeper.experiment.recipe import Recipe
from sweeper.pipeline.costs import planned_trials
from sweeper.pipeline.done import count_done
from sweeper.pipeline.plan import make_plan
from sweeper.pipeline.prepare import _require_one_tokenizer
from sweeper.pipeline.settings import Setting, best_settings
from sweeper.pipeline.specs import SpecFactory, recipe_of
from sweeper.search.objective import Objective
from sweeper.search.proposal import Proposal
from sweeper.trials.record import TrialRecord
from tests.experiment.full_space import full_space
from tests.pipeline.made_up import experiment, factory, inputs
from tests.trial_records import measurement, record

MIXTURE = {"general": 0.5, "code": 0.3, "law": 0.15, "books": 0.05}
PROPOSAL = Proposal(
    method="qlora",
    learning_rate=2e-3,
    domain_ratio=0.3,
    lora_r=8,
    base_model="builtin:tiny-s",
    lora_alpha_ratio=1.5,
    lora_target_modules="q_proj,v_proj",
    mixture=MIXTURE,
    lr_scheduler_type="wsd",
    warmup_ratio=0.1,
    global_batch_size=4,
    weight_decay=0.02,
)
ASKED = parse_experiment(full_space())
OBJECTIVE = Objective("code", "general", 3.1, 5.0, {"builtin:tiny-s": 3.6})


def made() -> SpecFactory:
    return factory(ASKED)


def trial(proposal: Proposal = PROPOSAL, general: float = 3.0, code: float = 3.5) -> TrialRecord:
    return record(made().proposed(proposal), [measurement(2048, general, code)], purpose="search")


def setting() -> Setting:
    return best_settings([trial()], OBJECTIVE, ASKED.search.space.fields)["qlora"]


def test_a_trial_has_every_value_that_was_proposed() -> None:
    spec = made().proposed(PROPOSAL)
    assert (spec.model.name, spec.method, spec.learning_rate) == ("builtin:tiny-s", "qlora", 2e-3)
    assert spec.lora is not None
    assert (spec.lora.r, spec.lora.alpha, spec.lora.target_modules) == (8, 12.0, ("q_proj", "v_proj"))
    assert spec.mixture == pytest.approx(MIXTURE)
    assert (spec.schedule.type, spec.schedule.warmup_ratio, spec.weight_decay) == ("wsd", 0.1, 0.02)
    assert spec.global_batch_size == 4
    assert spec.evaluate_at[-1] == 80_384  # whole steps of 512 tokens
    assert spec.rungs == (20_480, 40_448)


def test_what_is_not_proposed_is_as_the_file_says() -> None:
    plain = Proposal("full", 1e-3, 0.4)
    assert factory(experiment()).proposed(plain).id == factory(experiment()).search("full", 1e-3, None, 0.4).id


def test_the_setting_keeps_what_was_searched_through_the_study() -> None:
    kept = Setting.from_json(json.loads(json.dumps(asdict(setting()))))
    assert kept == setting()
    assert kept.base_model == "builtin:tiny-s"
    assert kept.recipe.changes() == {
        "lora_alpha_ratio": 1.5,
        "lora_target_modules": "q_proj,v_proj",
        "lr_scheduler_type": "wsd",
        "warmup_ratio": 0.1,
        "global_batch_size": 4,
        "weight_decay": 0.02,
        "composition": pytest.approx({"general": 5 / 7, "law": 1.5 / 7, "books": 0.5 / 7}),
    }
    assert "weight_decay 0.02" in kept.words


def test_a_setting_of_an_older_study_is_read() -> None:
    old = {"method": "full", "learning_rate": 1e-3, "lora_r": None, "domain_ratio": 0.4, "objective": 3.5}
    assert Setting.from_json(old) == Setting("full", 1e-3, None, 0.4, 3.5)


def test_a_space_without_new_fields_leaves_the_recipe_to_the_file() -> None:
    spec = factory(experiment()).search("qlora", 1e-3, 8, 0.4)
    assert recipe_of(spec, "code", experiment().search.space.fields) == Recipe()


def test_later_phases_train_what_was_found_on_the_model_that_was_found() -> None:
    best, phases = setting(), replace(made(), adapted=setting().base_model)
    args = (best.method, best.learning_rate, best.lora_r)
    later = [
        phases.law(phases.target_model, *args, 0.6, 1, best.recipe),
        phases.rate_check("builtin:tiny-m", *args, 0.6, best.recipe),
        phases.confirm(*args, 0.6, best.recipe),
    ]
    assert [spec.model.name for spec in later] == ["builtin:tiny-s", "builtin:tiny-m", "builtin:tiny-s"]
    for spec in later:
        assert recipe_of(spec, "code", ASKED.search.space.fields) == replace(
            best.recipe, composition=pytest.approx(best.recipe.composition)
        )
        assert spec.mixture["code"] == 0.6


def test_the_other_corpora_keep_their_parts_at_every_ratio() -> None:
    parts = {"general": 0.75, "law": 0.25}
    assert ASKED.mixture(0.0, parts) == pytest.approx({"general": 0.75, "law": 0.25})
    assert ASKED.mixture(0.6, parts) == pytest.approx({"general": 0.3, "law": 0.1, "code": 0.6})
    assert ASKED.mixture(1.0, parts) == {"code": 1.0}


def test_without_a_composition_only_corpora_that_are_searched_share_the_rest() -> None:
    mixture = {"general": {"low": 0.2}, "code": {"low": 0.1}}
    asked = parse_experiment(
        full_space(mixture=mixture) | {"search": {**full_space(mixture=mixture)["search"], "enqueue": []}}
    )
    assert asked.mixture(0.6) == {"general": 0.4, "code": 0.6}


def test_a_recipe_is_written_as_the_trainer_section_writes_it() -> None:
    plain = Recipe(global_batch_size=12, lora_target_modules="q_proj,v_proj", weight_decay=0.3, composition={"a": 1.0})
    written = plain.put_into(ASKED.trainer)
    assert (written["per_device_train_batch_size"], written["gradient_accumulation_steps"]) == (6, 2)
    assert (written["lora_target_modules"], written["weight_decay"]) == (["q_proj", "v_proj"], 0.3)
    assert set(written) == set(ASKED.trainer.model_dump())
    assert Recipe().put_into(ASKED.trainer) == ASKED.trainer.model_dump(mode="json")


def test_a_trial_is_held_against_the_limit_of_its_own_base_model() -> None:
    on_small, on_last = trial(general=3.5), trial(replace(PROPOSAL, base_model="builtin:tiny-m"), general=3.5)
    assert OBJECTIVE.of(on_small) == pytest.approx(3.5)
    assert OBJECTIVE.of(on_last) == pytest.approx(3.5 + 5 * 0.4)


def test_every_method_is_taken_on_the_base_model_of_the_best_trial() -> None:
    full = replace(PROPOSAL, method="full", lora_r=None)
    records = [
        trial(code=3.4),
        trial(full, code=3.9),
        trial(replace(full, base_model="builtin:tiny-m"), code=3.5),
    ]
    found = best_settings(records, OBJECTIVE, ASKED.search.space.fields)
    assert {method: each.base_model for method, each in found.items()} == dict.fromkeys(found, "builtin:tiny-s")
    assert found["full"].objective == pytest.approx(3.9)


def test_models_to_choose_from_have_one_tokenizer(tmp_path: Path) -> None:
    bases = inputs(ASKED, tmp_path).bases
    _require_one_tokenizer(bases)
    other = replace(bases[1], tokenizer=replace(bases[1].tokenizer, fingerprint="other"))
    with pytest.raises(ExperimentError, match=r"search\.space\.base_model: 'builtin:tiny-s' and 'builtin:tiny-m' have"):
        _require_one_tokenizer([bases[0], other])


def test_a_plan_counts_the_trials_of_a_full_space(tmp_path: Path) -> None:
    found = inputs(ASKED, tmp_path)
    build, best = found.factory(), setting()
    args = (best.method, best.learning_rate, best.lora_r)
    adapted = replace(build, adapted=best.base_model)
    there = [
        ("search", build.proposed(PROPOSAL)),
        ("search", build.proposed(replace(PROPOSAL, base_model="builtin:tiny-m", global_batch_size=16))),
        ("law", adapted.law("builtin:tiny-m", *args, 0.33, recipe=best.recipe)),
        ("compare", adapted.law("builtin:tiny-s", *args, 0.33, recipe=best.recipe)),
        ("learning rate", adapted.rate_check("builtin:tiny-m", *args, 0.33, best.recipe)),
        ("confirm", adapted.confirm(*args, 0.4, best.recipe)),
    ]
    records = [record(spec, [measurement(1, 3.0, 3.5)], purpose=purpose) for purpose, spec in there]
    assert count_done(ASKED, build, records) == {
        "search": 2, "law": 1, "compare": 1, "learning rate": 1, "confirm": 1,
    }  # fmt: skip
    plan = make_plan(ASKED, found, records, lanes=2, gpu=False)
    assert plan.epochs["law"] == pytest.approx(240_000 / 1_000_000)  # at most all of what the target leaves


def test_costs_are_those_of_every_model_that_may_be_chosen(tmp_path: Path) -> None:
    build = inputs(ASKED, tmp_path).factory()
    models = [(name, {spec.model.name for spec in specs}) for name, _, specs in planned_trials(ASKED, build)]
    both = set(ASKED.base_models)
    assert {name for name, of in models if of == both} == {"search", "compare", "confirm"}
    assert [of for name, of in models if name == "law"] == [{"builtin:tiny-s"}, {"builtin:tiny-m"}]
