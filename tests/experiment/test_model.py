import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sweeper.experiment import Experiment, parse_experiment
from tests.experiment.data import whole


def test_defaults_are_those_of_the_contract() -> None:
    experiment = parse_experiment(whole())
    assert (experiment.seed, experiment.search.penalty, experiment.search.rungs) == (0, 5.0, (0.25, 0.5))
    assert (experiment.law.replicates, experiment.law.evaluations, experiment.evaluation.max_tokens) == (1, 6, 8000)
    assert (experiment.trainer.lr_scheduler_type, experiment.trainer.precision) == ("constant", "auto")
    assert (experiment.trainer.adam_beta1, experiment.trainer.adam_beta2) == (0.9, 0.95)
    assert (experiment.pretraining.corpora, experiment.pretraining.tokens) == (("builtin:docs",), 1_000_000)
    assert experiment.resources.lanes is None and experiment.tracking.mlflow == "auto"


def test_quantities_are_read_where_they_stand() -> None:
    data = whole(pretraining={"tokens": "1.5M"}, evaluation={"max_tokens": "8k"})
    data["corpora"]["code"]["max_bytes"] = "8MB"
    experiment = parse_experiment(data)
    assert (experiment.search.max_tokens, experiment.law.max_tokens, experiment.confirm.tokens) == (
        80_000,
        160_000,
        240_000,
    )
    assert experiment.corpora["code"].max_bytes == 8_000_000
    assert (experiment.pretraining.tokens, experiment.evaluation.max_tokens) == (1_500_000, 8000)


def test_a_string_is_a_corpus() -> None:
    experiment = parse_experiment(whole(corpora={"general": "a.jsonl", "code": ["b.txt", "c.txt"]}))
    assert experiment.corpora["general"].source == ("a.jsonl",)
    assert experiment.corpora["code"].source == ("b.txt", "c.txt")


def test_words_in_place_of_mappings_are_read() -> None:
    experiment = parse_experiment(whole(resources="auto", tracking="none", pretraining={"corpora": "general"}))
    assert experiment.resources.num_workers is None
    assert experiment.tracking.mlflow == "none"
    assert experiment.pretraining.corpora == ("general",)


def test_auto_may_stand_at_a_field() -> None:
    resources = parse_experiment(whole(resources={"lanes": "auto", "num_workers": 4, "use_gpu": "auto"})).resources
    assert (resources.lanes, resources.num_workers, resources.use_gpu) == (None, 4, None)


def test_step_is_batch_times_accumulation_whatever_the_workers() -> None:
    trainer = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 3, "max_seq_length": 64}
    for workers in (1, 2, 4):
        experiment = parse_experiment(whole(trainer=trainer, resources={"num_workers": workers}))
        assert experiment.trainer.global_batch_size == 12
        assert experiment.trainer.tokens_per_step == 12 * 64


def test_adapter_modules_are_as_peft_takes_them() -> None:
    assert parse_experiment(whole()).trainer.target_modules == "all-linear"
    one = parse_experiment(whole(trainer={"lora_target_modules": "q_proj"}))
    assert one.trainer.target_modules == ("q_proj",)


def test_roles_follow_the_target_unless_given() -> None:
    data = whole()
    data["corpora"]["law"] = {"source": "x.txt", "role": "domain"}
    experiment = parse_experiment(data)
    assert [experiment.role(name) for name in experiment.corpora] == ["general", "domain", "domain"]
    assert experiment.others == ("general", "law")


def test_mixture_divides_the_rest_by_weight() -> None:
    data = whole()
    data["corpora"]["books"] = {"source": "x.txt", "weight": 3.0}
    data["corpora"]["seen"] = {"source": "y.txt", "weight": 0}
    mixture = parse_experiment(data).mixture(0.6)
    assert mixture == pytest.approx({"general": 0.1, "books": 0.3, "code": 0.6})


@pytest.mark.parametrize(("ratio", "left"), [(0.0, {"general": 1.0}), (1.0, {"code": 1.0})])
def test_corpora_without_a_share_are_left_out_of_the_mixture(ratio: float, left: dict[str, float]) -> None:
    assert parse_experiment(whole()).mixture(ratio) == left


@given(ratio=st.floats(0, 1), weights=st.lists(st.floats(0.01, 100), min_size=1, max_size=5))
def test_mixture_sums_to_one(ratio: float, weights: list[float]) -> None:
    corpora = {f"c{i}": {"source": "x.txt", "weight": weight} for i, weight in enumerate(weights)}
    data = whole(corpora={**corpora, "code": "y.txt"}, constraint__corpus="c0")
    mixture = parse_experiment(data).mixture(ratio)
    assert sum(mixture.values()) == pytest.approx(1.0)
    assert mixture.get("code", 0.0) == ratio


def test_pretraining_mixes_its_corpora_by_weight() -> None:
    data = whole(pretraining={"corpora": ["general", "books"]})
    data["corpora"]["books"] = {"source": "x.txt", "weight": 3.0}
    assert parse_experiment(data).pretraining_mixture() == {"general": 0.25, "books": 0.75}
    assert parse_experiment(whole()).pretraining_mixture() == {"builtin:docs": 1.0}


def test_experiment_cannot_be_changed() -> None:
    experiment = parse_experiment(whole())
    with pytest.raises(ValidationError, match="frozen"):
        experiment.target = "general"  # type: ignore[misc]
    with pytest.raises(TypeError, match="cannot be changed"):
        experiment.corpora["new"] = experiment.corpora["code"]  # type: ignore[index]
    with pytest.raises(TypeError, match="cannot be changed"):
        experiment.corpora.update({})  # type: ignore[attr-defined]


def test_experiment_survives_pickling_copying_and_dumping() -> None:
    experiment = parse_experiment(whole(resources={"lanes": 2}))
    assert pickle.loads(pickle.dumps(experiment)) == experiment
    assert copy.deepcopy(experiment) == experiment
    assert parse_experiment(experiment.model_dump(mode="json")) == experiment
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment
