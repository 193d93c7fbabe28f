import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.experiment import ExperimentError, load_experiment, parse_tokens, warnings, write_experiment
from sweeper.experiment.defaults import LAW_RATIOS, LEAST_STEPS, RECIPES, TRIALS, budget, defaults_for
from sweeper.experiment.model_size import ModelSize, estimate_parameters, size_of

SMOLLM_135M = {
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("wiki", "medicine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("text", encoding="utf-8")
    return tmp_path


def model(folder: Path, **config: object) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**SMOLLM_135M, **config}), encoding="utf-8")
    return str(folder)


def test_written_file_loads_and_warns_of_nothing(texts: Path) -> None:
    path = write_experiment(model=model(texts / "m"), general="wiki", domain="medicine")
    experiment = load_experiment(path)
    assert path == Path("medicine.yaml") and experiment.name == "medicine" and experiment.target == "domain"
    assert warnings(experiment) == []
    assert experiment.corpora["general"].source == (str(texts / "wiki"),)
    assert experiment.base_models == (str(texts / "m"),)
    assert (experiment.trainer.max_seq_length, experiment.search.space.methods) == (512, ("full", "qlora"))


@pytest.mark.parametrize(
    "name", ["builtin:tiny-m", "org/model-350M", "Qwen/Qwen2.5-1.5B", "org/llama-8b", "org/unknown"]
)
@pytest.mark.parametrize("tokens", [None, "3B"])
def test_every_size_of_model_gets_a_file_that_loads(texts: Path, name: str, tokens: str | None) -> None:
    experiment = load_experiment(write_experiment(model=name, general="wiki", domain="medicine", tokens=tokens))
    assert experiment.base_models == (name,)
    assert warnings(experiment) == []


def test_sequences_are_no_longer_than_the_model_reads(texts: Path) -> None:
    path = write_experiment(model=model(texts / "m", max_position_embeddings=96), general="wiki", domain="medicine")
    assert load_experiment(path).trainer.max_seq_length == 96
    assert "the model reads no more than 96" in path.read_text(encoding="utf-8")


def test_name_and_output_are_as_asked_and_paths_follow_the_file(texts: Path) -> None:
    path = write_experiment(
        model=model(texts / "m"), general="wiki/*.txt", domain="hf:org/set", name="mine", output="deep/er/x.yaml"
    )
    experiment = load_experiment(path)
    assert path == Path("deep/er/x.yaml") and experiment.name == "mine"
    assert [str(p) for p in map(Path, experiment.corpora["general"].source) if ".." in p.parts] != []
    assert Path(experiment.corpora["general"].source[0]).parent.resolve() == texts / "wiki"
    assert experiment.corpora["domain"].source == ("hf:org/set",)


def test_existing_file_is_kept(texts: Path) -> None:
    (texts / "medicine.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(ExperimentError, match=r"medicine\.yaml exists and is not overwritten"):
        write_experiment(model="builtin:tiny-s", general="wiki", domain="medicine")
    assert (texts / "medicine.yaml").read_text(encoding="utf-8") == "mine"


def test_nothing_is_left_beside_the_file(texts: Path) -> None:
    write_experiment(model="builtin:tiny-s", general="wiki", domain="medicine", output="out/x.yaml")
    assert [p.name for p in (texts / "out").iterdir()] == ["x.yaml"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"general": "nowhere"}, "--general: nothing is at 'nowhere'"),
        ({"domain": "medicine/*.jsonl"}, r"--domain: nothing is at 'medicine/\*\.jsonl'"),
        ({"model": "./nowhere"}, "--model: no folder at './nowhere'"),
        ({"model": "wiki"}, "--model: 'wiki' has no config.json"),
        ({"tokens": "lots"}, "--tokens: 'lots' is not a whole number of tokens"),
        ({"tokens": "10k"}, "--tokens: 10k is too few"),
        ({"name": "a b"}, "--name: 'a b' is not allowed"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(texts: Path, wrong: dict[str, str], said: str) -> None:
    arguments = {"model": "builtin:tiny-s", "general": "wiki", "domain": "medicine", **wrong}
    with pytest.raises(ExperimentError, match=said):
        write_experiment(**arguments)  # type: ignore[arg-type]
    assert list(texts.glob("*.yaml")) == []


def test_the_least_budget_that_is_named_suffices(texts: Path) -> None:
    with pytest.raises(ExperimentError) as error:
        write_experiment(model="builtin:tiny-s", general="wiki", domain="medicine", tokens="10k")
    least = str(error.value).split("at least ")[1].split(";")[0]
    assert write_experiment(model="builtin:tiny-s", general="wiki", domain="medicine", tokens=least).is_file()


@given(tokens=st.integers(10**8, 10**13), parameters=st.integers(10**5, 10**11))
def test_all_trials_together_stay_within_the_budget(tokens: int, parameters: int) -> None:
    got = defaults_for(ModelSize(parameters, "test"), tokens)
    compared = 2
    spent = TRIALS * got.search_tokens + (len(LAW_RATIOS) + 1 + compared) * got.law_tokens + got.confirm_tokens
    assert 0.85 * tokens < spent <= tokens
    assert got.confirm_tokens <= 2 * got.law_tokens
    assert got.search_tokens >= LEAST_STEPS * got.length * got.recipe.batch * got.recipe.accumulation


def test_rates_of_full_training_fall_with_the_size_and_adapters_start_higher() -> None:
    full = [recipe.rates["full"] for recipe in RECIPES if "full" in recipe.rates]
    assert full == sorted(full, reverse=True) and len(full) == 3
    assert all(recipe.rates["qlora"][0] > recipe.rates["full"][0] for recipe in RECIPES if "full" in recipe.rates)


@pytest.mark.parametrize(
    ("tokens", "down", "up"), [(85_714, 85_000, 86_000), (99.9, 99, 99), (7, 7, 7), (1200, 1200, 1200)]
)
def test_budgets_read_well(tokens: float, down: int, up: int) -> None:
    assert (budget(tokens), budget(tokens, up=True)) == (down, up)


def test_parameters_are_counted_from_the_configuration() -> None:
    # 49152*576 + 30 * (2*576*64*(9+3) + 3*576*1536), as transformers counts but for norms
    assert estimate_parameters(SMOLLM_135M) == 134_479_872
    assert estimate_parameters({**SMOLLM_135M, "tie_word_embeddings": False}) == 134_479_872 + 49152 * 576
    assert estimate_parameters({"model_type": "odd"}) is None


def test_gpt2_names_are_read() -> None:
    gpt2 = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257}
    assert estimate_parameters(gpt2) == 50257 * 768 + 12 * 12 * 768 * 768


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen/Qwen2.5-0.5B", 500_000_000),
        ("meta-llama/Llama-3.1-8B-Instruct", 8_000_000_000),
        ("HuggingFaceTB/SmolLM2-135M", 135_000_000),
        ("org/nothing-3x", 1_000_000_000),
        ("builtin:tiny-s", 1_000_000),
    ],
)
def test_size_is_read_from_the_name_where_there_is_no_configuration(name: str, parameters: int) -> None:
    assert size_of(name).parameters == parameters


def test_configuration_beats_the_name(texts: Path) -> None:
    assert size_of(model(texts / "model-7B")) == ModelSize(134_479_872, "config.json", 8192)


def test_broken_configuration_is_named(texts: Path) -> None:
    (texts / "m").mkdir()
    (texts / "m" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ExperimentError, match=r"config\.json is not JSON"):
        write_experiment(model="m", general="wiki", domain="medicine")


def test_budget_is_read_as_a_quantity(texts: Path) -> None:
    a = write_experiment(model="builtin:tiny-s", general="wiki", domain="medicine", tokens="3M", output="a.yaml")
    b = write_experiment(model="builtin:tiny-s", general="wiki", domain="medicine", tokens=3_000_000, output="b.yaml")
    assert load_experiment(a) == load_experiment(b)
    assert parse_tokens("3M") == 3_000_000
