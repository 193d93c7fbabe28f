from pathlib import Path

import pytest
import yaml

from sweeper.experiment import ExperimentError, load_experiment, parse_experiment, warnings
from tests.experiment.data import whole

QUICKSTART = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"


def write(folder: Path, text: str) -> Path:
    file = folder / "e.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refused(file: Path) -> str:
    with pytest.raises(ExperimentError) as error:
        load_experiment(file)
    return str(error.value)


def test_quickstart_loads_without_a_warning() -> None:
    experiment = load_experiment(QUICKSTART)
    assert warnings(experiment) == []
    assert (experiment.search.trials, experiment.search.max_tokens, experiment.law.max_tokens) == (12, 80_000, 160_000)
    assert (experiment.confirm.tokens, experiment.target, experiment.trainer.tokens_per_step) == (240_000, "code", 1024)


def test_paths_are_taken_from_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "models" / "base").mkdir(parents=True)
    corpora = {
        "general": {"source": ["text/*.jsonl", "hf:wiki:en"], "valid": "held.txt"},
        "code": {"source": "/abs/x.txt", "test": ["a.txt", "builtin:code"]},
    }
    models = ["models/base", "org/name", "./other", "builtin:tiny-s"]
    data = whole(corpora=corpora, base_models=models, resources={"storage": "shared"})
    experiment = load_experiment(write(tmp_path, yaml.safe_dump(data)))
    assert experiment.corpora["general"].source == (f"{tmp_path}/text/*.jsonl", "hf:wiki:en")
    assert experiment.corpora["general"].valid == (f"{tmp_path}/held.txt",)
    assert experiment.corpora["code"].source == ("/abs/x.txt",)
    assert experiment.corpora["code"].test == (f"{tmp_path}/a.txt", "builtin:code")
    assert experiment.base_models == (f"{tmp_path}/models/base", "org/name", f"{tmp_path}/other", "builtin:tiny-s")
    assert experiment.resources.storage == f"{tmp_path}/shared"


def test_base_models_are_named_alike_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    data = whole(base_models=["small", "org/name"], search__space__base_model=["small", "org/name"])
    data["search"]["space"]["weight_decay"] = {"choices": [0.1], "when": {"base_model": "small"}}
    data["search"]["enqueue"] = [{"base_model": "small"}]
    search = load_experiment(write(tmp_path, yaml.safe_dump(data))).search
    assert search.space.base_models == (f"{tmp_path}/small", "org/name")
    assert search.space.weight_decay is not None
    assert search.space.weight_decay.when == {"base_model": (f"{tmp_path}/small",)}
    assert search.enqueue[0]["base_model"] == f"{tmp_path}/small"


def test_one_folder_under_two_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    assert "stands in the list twice" in refused(
        write(tmp_path, yaml.safe_dump(whole(base_models=["small", "./small"])))
    )


@pytest.mark.parametrize("name", ["~nobody/x", "x" * 5000, "a\\0b"])
def test_names_that_no_folder_can_have_are_left_to_whoever_reads_them(tmp_path: Path, name: str) -> None:
    assert parse_experiment(whole(base_models=[name]), folder=tmp_path).base_models[0].endswith(name)


def test_storage_uris_stay_as_they_are(tmp_path: Path) -> None:
    data = whole(resources={"storage": "s3://bucket/x"})
    assert load_experiment(write(tmp_path, yaml.safe_dump(data))).resources.storage == "s3://bucket/x"


def test_paths_of_a_dictionary_stay_unless_a_folder_is_given() -> None:
    data = whole(corpora={"general": "a.txt", "code": "b.txt"})
    assert parse_experiment(data).corpora["code"].source == ("b.txt",)
    assert parse_experiment(data, folder="/x").corpora["code"].source == ("/x/b.txt",)


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.yaml").endswith(
        "no.yaml: no such file; write one with `python -m sweeper init --help`"
    )


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read as UTF-8 text" in refused(tmp_path)


def test_yaml_errors_have_line_and_column(tmp_path: Path) -> None:
    assert "not YAML, line 2, column 10" in refused(write(tmp_path, "name: x\ncorpora: }"))


def test_characters_that_yaml_forbids_are_refused(tmp_path: Path) -> None:
    said = refused(write(tmp_path, "seed: 1\nname: \x00"))
    assert said.endswith("not YAML, line 2, column 7: the character '\\x00' is not allowed")


def test_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    assert "not YAML, line 1, column 7: a value holds itself" in refused(write(tmp_path, "name: &a [*a]"))


@pytest.mark.parametrize(
    ("value", "word"), [("!!int abc", "abc"), ("!!bool maybe", "maybe"), ("!!timestamp x", "x"), ("!!float ''", "")]
)
def test_value_that_its_tag_cannot_read_is_refused(tmp_path: Path, value: str, word: str) -> None:
    said = refused(write(tmp_path, f"seed: 1\nname: {value}"))
    assert f"not YAML, line 2, column 7: {word!r} cannot be read as" in said


def test_values_that_multiply_by_aliases_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))]
    assert "not YAML, line 1, column 1: holds more than 100,000 values" in refused(write(tmp_path, "\n".join(lines)))


def test_brackets_without_end_are_refused(tmp_path: Path) -> None:
    assert "not YAML: values are nested too deeply" in refused(write(tmp_path, "name: " + "[" * 1500))


def test_mapping_may_be_shared_by_an_anchor(tmp_path: Path) -> None:
    text = QUICKSTART.read_text(encoding="utf-8")
    text = text.replace("full: {low", "full: &rates {low").replace(
        "qlora: {low: 3.0e-4, high: 3.0e-2, log: true}", "qlora: *rates"
    )
    space = load_experiment(write(tmp_path, text)).search.space
    assert space.rates("qlora") == space.rates("full")


def test_two_documents_are_refused(tmp_path: Path) -> None:
    assert "not YAML, line 2" in refused(write(tmp_path, "name: x\n---\nname: y\n"))


def test_key_given_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    said = refused(write(tmp_path, "name: x\nsearch:\n  trials: 1\n  trials: 2\n"))
    assert said.endswith(
        "e.yaml: not YAML, line 4, column 3: 'trials' stands twice in one mapping (first on line 3); take one out"
    )


def test_problems_name_the_line(tmp_path: Path) -> None:
    text = QUICKSTART.read_text(encoding="utf-8").replace("trials: 12", "trials: -12").replace("law:", "laws:")
    lines = text.splitlines()
    trials = 1 + next(i for i, line in enumerate(lines) if "trials: -12" in line)
    laws = 1 + next(i for i, line in enumerate(lines) if line.startswith("laws:"))
    said = refused(write(tmp_path, text))
    assert f"search.trials (line {trials}): -12 is not allowed" in said
    assert f"laws (line {laws}): unknown field; did you mean 'law'?" in said
    assert "\n  law: missing; add it" in said


def test_problems_inside_forms_of_searched_values_name_their_line(tmp_path: Path) -> None:
    text = QUICKSTART.read_text(encoding="utf-8").replace("low: 3.0e-4", "low: -3.0e-4")
    line = 1 + next(i for i, line in enumerate(text.splitlines()) if "-3.0e-4" in line)
    assert f"search.space.learning_rate.qlora.low (line {line}): -0.0003" in refused(write(tmp_path, text))


@pytest.mark.parametrize("written", ["1e-3", "1.0e-3", "1E-3", "0.001", "1e-03"])
def test_exponents_are_numbers_however_they_are_written(tmp_path: Path, written: str) -> None:
    text = yaml.safe_dump(whole(search__space__learning_rate="RATE")).replace("RATE", written)
    rates = load_experiment(write(tmp_path, text)).search.space.rates("full")
    assert rates is not None and rates.distribution().choices == (0.001,)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["1e-3x", "e5", "v1e-3", "2024-01-01"])
def test_words_that_look_like_numbers_or_dates_stay_words(tmp_path: Path, name: str) -> None:
    text = yaml.safe_dump(whole(name="NAME")).replace("NAME", name)
    assert load_experiment(write(tmp_path, text)).name == name


def test_loading_twice_gives_the_same_experiment() -> None:
    assert load_experiment(QUICKSTART) == load_experiment(str(QUICKSTART))


def test_every_example_of_the_repository_loads_without_a_warning() -> None:
    for file in sorted(QUICKSTART.parent.glob("*.yaml")):
        experiment = load_experiment(file)
        assert experiment.search.space.parameters(experiment.target)
        assert warnings(experiment) == [] or file.name == "real-model.yaml"  # which says why it needs so little
