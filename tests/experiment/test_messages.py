"""What people read when a file is wrong: each line names the field, the value, what is allowed and what to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.experiment import ExperimentError, parse_experiment
from sweeper.experiment.trainer import Trainer
from tests.experiment.data import whole


def message(data: object) -> str:
    with pytest.raises(ExperimentError) as error:
        parse_experiment(data, source="x.yaml")
    return str(error.value)


CASES: list[tuple[dict[str, Any], str]] = [
    ({"trainer": {"max_seq_lenght": 3}}, "trainer.max_seq_lenght: unknown field; did you mean 'max_seq_length'?"),
    ({"constrain": 1}, "constrain: unknown field; did you mean 'constraint'?"),
    ({"max_seq_length": 3}, "max_seq_length: unknown field; it belongs in 'trainer'"),
    ({"law__xyzzy": 3}, "law.xyzzy: unknown field; known: domain_ratio, max_tokens, replicates, evaluations"),
    (
        {"search__space__learning_rate__full": {"lo": 1, "low": 1e-4, "high": 1e-2}},
        "learning_rate.full.lo: unknown field",
    ),
    ({"search__trials": -1}, "search.trials: -1 is not allowed; must be ≥ 0"),
    ({"search__trials": "12"}, "search.trials: '12' is not allowed; must be a whole number; write it without quotes"),
    ({"search__trials": True}, "search.trials: true is not allowed; must be a whole number"),
    ({"search__trials": 1.5}, "search.trials: 1.5 is not allowed; must be a whole number"),
    ({"search__trials": ...}, "search.trials: missing; add it: how many configurations to try"),
    ({"name": 12}, "name: 12 is not allowed; must be text of letters"),
    ({"name": "a b"}, "name: 'a b' is not allowed; use letters, digits"),
    ({"name": "../up"}, "name: '../up' is not allowed; use letters, digits"),
    ({"seed": None}, "seed: null is not allowed; must be a whole number"),
    ({"trainer": {"weight_decay": float("inf")}}, "trainer.weight_decay: inf is not allowed; must be a finite number"),
    (
        {"trainer": {"lr_scheduler_type": "wds"}},
        "'wds' is not allowed; must be 'constant', 'wsd', 'cosine' or 'linear'",
    ),
    ({"trainer": {"lr_scheduler_type": "wds"}}, "did you mean 'wsd'?"),
    ({"trainer": {"use_rslora": "yes"}}, "trainer.use_rslora: 'yes' is not allowed; must be true or false"),
    ({"trainer": [1]}, "trainer: [1] is not allowed; must be a mapping"),
    ({"search__max_tokens": "2x"}, "search.max_tokens: '2x' is not a whole number of tokens, such as 80000, 80k"),
    ({"search__space__domain_ratio": {"low": 0.9, "high": 0.1}}, "domain_ratio: low 0.9 is not below high 0.1"),
    ({"search__space__domain_ratio": {"low": 0.1, "high": 1.1}}, "domain_ratio.high: 1.1 is not allowed; must be ≤ 1"),
    ({"search__space__domain_ratio": {"low": 0, "high": 1, "log": True}}, "log: true needs low above 0"),
    ({"search__space__lora_r": {"choices": [4, 4]}}, "lora_r.choices: 4 stands in the list twice"),
    ({"search__space__lora_r": {"choices": [0]}}, "search.space.lora_r.choices[0]: 0 is not allowed; must be ≥ 1"),
    (
        {"search__space__method": {"choices": ["ful"]}},
        "method.choices[0]: 'ful' is not allowed; must be 'full', 'lora'",
    ),
    ({"search__rungs": [0.5, 0.25]}, "search.rungs: [0.5, 0.25] does not rise"),
    ({"search__rungs": [0.25, 0.25]}, "search.rungs: [0.25, 0.25] does not rise"),
    ({"law__domain_ratio": [0.5]}, "law.domain_ratio: has 1 entry; needs at least 2"),
    ({"law__domain_ratio": [0, 0.5, 0.5]}, "law.domain_ratio: 0.5 stands in the list twice"),
    ({"law__domain_ratio": [0, 2]}, "law.domain_ratio[1]: 2 is not allowed; must be ≤ 1"),
    ({"base_models": []}, "base_models: has 0 entries; needs at least 1"),
    ({"base_models": ["a", "a"]}, "base_models: 'a' stands in the list twice"),
    ({"corpora": {"code": "x"}}, "corpora: has 1 entry; needs at least 2"),
    ({"corpora": {"a b": "x", "code": "y"}}, "corpora.a b: 'a b' is not allowed; use letters"),
    ({"corpora__code": {"source": []}}, "corpora.code.source: has 0 entries"),
    ({"corpora__code": {"source": ""}}, "corpora.code.source[0]: is empty; write a value"),
    (
        {"corpora__code": {"source": "x", "valid_fraction": 0.5}},
        "code.valid_fraction: 0.5 is not allowed; must be < 0.5",
    ),
    ({"tracking": {"mlflow": "mlflow"}}, "tracking.mlflow: 'mlflow' is neither `auto`, `none` nor a tracking URI"),
    ({"resources": "all"}, "resources: 'all' is not allowed; must be `auto`, or a mapping"),
    ({"resources": {"lanes": "two"}}, "resources.lanes: 'two' is not allowed; must be auto, or ≥ 1"),
    ({"pretraining": {"corpora": ["builtin:docs", "code"]}}, "pretraining: ['builtin:docs', 'code'] mixes a built-in"),
]


@pytest.mark.parametrize(("changes", "said"), CASES, ids=[said[:50] for _, said in CASES])
def test_a_wrong_value_is_named_with_what_is_allowed(changes: dict[str, Any], said: str) -> None:
    assert said in message(whole(**changes))


def test_one_problem_is_one_line_with_the_source() -> None:
    assert message(whole(search__trials=-1)) == "x.yaml: search.trials: -1 is not allowed; must be ≥ 0"


def test_several_problems_are_listed_at_once_one_line_each() -> None:
    lines = message(whole(search__trials=-1, law__max_tokens=..., seed="x", wrong=1)).splitlines()
    assert lines[0] == "x.yaml: 4 problems"
    assert [line.strip().split(":")[0] for line in lines[1:]] == ["seed", "search.trials", "law.max_tokens", "wrong"]


def test_entries_refused_for_themselves_are_not_counted_as_left_out() -> None:
    assert message(whole(law__domain_ratio=[0, 2, 3])).splitlines()[0] == "x.yaml: 2 problems"


def test_long_values_are_cut() -> None:
    assert max(map(len, message(whole(seed="9" * 500)).splitlines())) < 150


@pytest.mark.parametrize(("data", "said"), [(None, "is empty"), ([1], "holds [1]"), ("text", "holds 'text'")])
def test_what_is_no_mapping_is_refused(data: object, said: str) -> None:
    assert message(data) == f"x.yaml: {said}; must be a mapping with the fields of docs/experiment.md"


@given(st.sampled_from(list(Trainer.model_fields)), st.data())
def test_a_slip_in_any_trainer_field_is_refused_with_the_field_it_is_nearest_to(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(name) - 2))
    slip = name[:place] + name[place] + name[place:]
    said = message(whole(trainer={slip: 1}))
    assert f"trainer.{slip}: unknown field; did you mean" in said and repr(name) in said
