from collections.abc import Callable
from pathlib import Path

import pytest

from trainers.errors import TrainerError
from trainers.spec import TrialSpec
from trainers.spec_file import load_spec

Make = Callable[..., TrialSpec]

GOOD = """
role: search
model: &m {name: m, path: some/folder, fingerprint: f}
method: full
learning_rate: 1e-4
corpora:
  - {name: a, path: packed/a, fingerprint: a}
mixture: {a: 1.0}
max_tokens: 640
max_seq_length: 16
global_batch_size: 4
seed: 1
precision: fp32
adam_betas: &betas [0.9, 0.95]
"""


def written(folder: Path, text: str, name: str = "spec.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, name: str = "spec.yaml") -> list[str]:
    path = written(folder, text, name)
    with pytest.raises(TrainerError) as error:
        load_spec(path)
    return [line.removeprefix(f"{path}: ") for line in str(error.value).splitlines()]


def test_a_yaml_file_is_a_spec(tmp_path: Path) -> None:
    spec = load_spec(written(tmp_path, GOOD))
    assert (spec.learning_rate, spec.corpora[0].path, spec.adam_betas) == (1e-4, "packed/a", (0.9, 0.95))


def test_json_and_yaml_give_the_same_trial(make_spec: Make, tmp_path: Path) -> None:
    spec = make_spec(method="lora")
    text = spec.model_dump_json()
    assert load_spec(written(tmp_path, text, "s.json")) == load_spec(written(tmp_path, text, "s.yml")) == spec


def test_every_problem_has_a_line_with_field_value_and_what_is_allowed(tmp_path: Path) -> None:
    text = GOOD.replace("search", "dance").replace("1e-4", "-0.5").replace("global_batch_size: 4", "batch: 4")
    text = text.replace("fingerprint: f}", "fingerprint: f, conf: {}}").replace("640", "ten")
    assert problems(tmp_path, text + "lora: {r: 0, alpha: 8}\n") == [
        "role: 'dance' is not allowed; must be 'base', 'search', 'law' or 'confirm'",
        "model.conf: unknown field; did you mean 'config'?",
        "lora.r: 0 is not allowed; must be ≥ 1",
        "learning_rate: -0.5 is not allowed; must be > 0.0",
        "max_tokens: 'ten' is not allowed; must be a whole number",
        "global_batch_size: missing; add it",
        problems(tmp_path, GOOD + "batch: 4\n")[0],
    ]


def test_an_unknown_field_names_the_known_ones(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, GOOD + "zzz: 4\n")
    assert line.startswith("zzz: unknown field; leave it out; known here: version, role, model")


def test_a_missing_choice_names_the_choices(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD.replace("method: full\n", "")) == [
        "method: missing; add it ('full' or 'lora' or 'qlora')"
    ]


def test_what_does_not_go_together_has_a_line_each(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD.replace("path: some/folder, ", "") + "schedule: {decay_tokens: 3}\n")
    assert [line.split(":")[0] for line in found] == ["model", "schedule"]
    assert not any("Value error" in line or "http" in line for line in found)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("s.json", "{", "is not JSON"), ("s.yaml", "a: [", "is not YAML"), ("s.yaml", "- 1", "holds no mapping")],
)
def test_a_file_of_something_else_says_so(tmp_path: Path, name: str, text: str, message: str) -> None:
    (line,) = problems(tmp_path, text, name)
    assert message in line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"none\.yaml: No such file"):
        load_spec(tmp_path / "none.yaml")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainerError, match="UTF-8"):
        load_spec(tmp_path / "s.yaml")


def test_the_documented_spec_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "trainers.md").read_text(encoding="utf-8")
    file = tmp_path / "spec.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0], encoding="utf-8")
    spec = load_spec(file)
    assert (spec.method, spec.mixture) == ("qlora", {"wiki": 0.3, "filings": 0.7})
