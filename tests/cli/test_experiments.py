"""The verbs that take an experiment file, as far as they go without Ray."""

import json
from pathlib import Path

import pytest

from sweeper.cli.experiments import log_to
from tests.cli.call import call
from tests.pipeline.small_experiment import seed_tokenizer, write_corpora, write_experiment_file

Capture = pytest.CaptureFixture[str]
VERBS = ["prepare", "plan", "run", "confirm", "report", "export"]


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    write_corpora(tmp_path)
    seed_tokenizer(tmp_path / "cache")
    return write_experiment_file(tmp_path)


@pytest.mark.parametrize("verb", VERBS)
def test_an_experiment_that_is_not_there_is_said_in_one_line(verb: str, tmp_path: Path, capsys: Capture) -> None:
    called = call(capsys, verb, tmp_path / "none.yaml")
    assert called.code == 2
    assert (
        called.err == f"error: {tmp_path / 'none.yaml'}: no such file; write one with `python -m sweeper init --help`\n"
    )
    assert called.out == ""


@pytest.mark.parametrize("verb", VERBS)
def test_a_bad_value_is_named_and_nothing_is_made(verb: str, experiment: Path, capsys: Capture) -> None:
    text = experiment.read_text(encoding="utf-8")
    experiment.write_text(text.replace("max_increase: 0.05", "max_increase: a lot"), encoding="utf-8")
    called = call(capsys, verb, experiment)
    assert called.code == 2
    assert "constraint.max_increase" in called.err
    assert "a lot" in called.err
    assert not (experiment.parent / "runs").exists()


def test_plan_starts_nothing_and_writes_nothing(experiment: Path, capsys: Capture) -> None:
    called = call(capsys, "plan", experiment)
    assert called.code == 0
    assert "general: to be packed, about" in called.out
    assert "builtin:tiny-m: 1,2" in called.out
    assert "builtin:tiny-m full: " in called.out
    assert "floating-point operations, at most " in called.out
    assert not (experiment.parent / "runs").exists()
    assert not (experiment.parent / "cache" / "corpora").exists()


def test_plan_as_an_object(experiment: Path, capsys: Capture) -> None:
    plan = call(capsys, "plan", experiment, "--json").json
    assert {row["purpose"]: (row["number"], row["there"]) for row in plan["trials"]} == {
        "pre-training": (2, 0), "base loss": (2, 0), "search": (3, 0), "compare": (2, 0), "learning rate": (3, 0),
        "law": (5, 0), "confirm": (1, 0),
    }  # fmt: skip
    assert plan["corpora"] == {"general": False, "domain": False}
    assert plan["lanes"] == 1
    assert [(row["base_model"], row["method"]) for row in plan["memory"]] == [
        ("builtin:tiny-s", "full"), ("builtin:tiny-m", "full"),
    ]  # fmt: skip
    assert all(row["estimate"]["peak"] > 0 for row in plan["memory"])
    assert set(plan["flops"]) == {"search", "compare", "learning rate", "law", "confirm"}


def test_prepare_packs_once_and_plan_then_knows_the_epochs(experiment: Path, capsys: Capture) -> None:
    packed = call(capsys, "prepare", experiment, "--json").json["corpora"]
    assert [corpus["name"] for corpus in packed] == ["general", "domain"]
    assert all(corpus["counts"]["train"]["tokens"] > 0 for corpus in packed)
    times = {corpus["path"]: (Path(corpus["path"]) / "meta.json").stat().st_mtime_ns for corpus in packed}
    call(capsys, "prepare", experiment)
    assert {path: (Path(path) / "meta.json").stat().st_mtime_ns for path in times} == times
    plan = call(capsys, "plan", experiment, "--json").json
    tokens = {corpus["name"]: corpus["counts"]["train"]["tokens"] for corpus in packed}
    assert plan["epochs"]["domain"] == pytest.approx(6000 / tokens["domain"])


def test_prepare_tells_what_it_counted(experiment: Path, capsys: Capture) -> None:
    with (experiment.parent / "domain.jsonl").open("a", encoding="utf-8") as out:
        out.write('\n{"no text": 1}\n')
    called = call(capsys, "prepare", experiment)
    assert "training tokens in" in called.err
    assert "1 bad documents left out: " in called.err
    assert "domain.jsonl:301" in called.err


def test_init_writes_a_file_that_plan_takes(experiment: Path, capsys: Capture) -> None:
    target = experiment.parent / "mine.yaml"
    called = call(
        capsys, "init", "--model", "builtin:tiny-s", "--general", "general.jsonl", "--domain", "domain.jsonl",
        "--output", target, "--json",
    )  # fmt: skip
    assert called.json == {"experiment": str(target)}
    assert call(capsys, "plan", target).code == 0
    again = call(capsys, "init", "--model", "m", "--general", "g", "--domain", "d", "--output", target)
    assert again.code == 2
    assert "exists" in again.err


def test_what_libraries_print_goes_to_the_log_also_when_it_ends_badly(tmp_path: Path, capsys: Capture) -> None:
    import logging

    before = list(logging.getLogger("sweeper").handlers)
    with pytest.raises(ZeroDivisionError), log_to(tmp_path / "out"):
        print("chatter")
        raise ZeroDivisionError
    assert capsys.readouterr().out == ""
    assert "chatter" in (tmp_path / "out" / "run.log").read_text(encoding="utf-8")
    assert logging.getLogger("sweeper").handlers == before


def test_json_stays_readable_for_other_programs(experiment: Path, capsys: Capture) -> None:
    out = call(capsys, "plan", experiment, "--json").out
    assert out == json.dumps(json.loads(out), indent=1) + "\n"
