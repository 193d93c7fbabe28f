"""`fit`, `predict` and `recommend` on a table that somebody else has made."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.call import call
from tests.laws.simulated_cpt import anchored_truth, simulate

Capture = pytest.CaptureFixture[str]
TOKENS = (25_000, 50_000, 75_000, 100_000, 130_000, 160_000)


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@pytest.fixture(scope="module")
def columns() -> dict[str, list[Any]]:
    return simulate(anchored_truth, tokens=TOKENS)


@pytest.fixture(scope="module")
def laws(tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[Any]]) -> Path:
    from sweeper.__main__ import main

    folder = tmp_path_factory.mktemp("laws")
    assert main(["fit", str(write(folder / "table.csv", columns)), "--bootstrap", "4"]) == 0
    return folder / "laws.json"


@pytest.fixture
def points(tmp_path: Path) -> Callable[[str], Path]:
    def made(text: str) -> Path:
        path = tmp_path / "points.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return made


def test_fit_writes_laws_beside_the_table_and_says_how_good_they_are(
    tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture
) -> None:
    called = call(capsys, "fit", write(tmp_path / "t.csv", columns), "--bootstrap", 0, "--law", "anchored")
    assert called.code == 0
    assert "code: anchored of 66 rows in 11 runs; R² 0.99" in called.out
    assert called.out.endswith(f"wrote {tmp_path / 'laws.json'}\n")
    assert json.loads((tmp_path / "laws.json").read_text(encoding="utf-8"))["target"] == "code"


def test_fit_prints_one_object(tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture) -> None:
    output = tmp_path / "mine.json"
    called = call(
        capsys, "fit", write(tmp_path / "t.csv", columns), "--bootstrap", 0, "--law", "dcpt", "--output", output,
        "--json",
    )  # fmt: skip
    assert called.json["laws"] == str(output)
    assert set(called.json["corpora"]) == {"code", "general"}
    assert output.is_file()


def test_a_table_without_base_losses_is_fitted_and_recommended_from_with_one_given(
    tmp_path: Path, capsys: Capture
) -> None:
    table = write(tmp_path / "t.csv", simulate(anchored_truth, tokens=TOKENS, base=False))
    assert call(capsys, "fit", table, "--bootstrap", 0).code == 0
    laws = tmp_path / "laws.json"
    without = call(capsys, "recommend", laws, "--tokens", "240k")
    assert without.code == 2
    assert "base" in without.err
    assert call(capsys, "recommend", laws, "--tokens", "240k", "--base-loss", 4.3).code == 0


def test_predict_gives_each_point_its_loss_and_interval(
    laws: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    path = points("corpus,tokens,domain_ratio,params,mine\ncode,160000,0.33,1.3e6,a\ngeneral,80000,0.1,,b\n")
    rows = call(capsys, "predict", laws, "--points", path, "--json").json["points"]
    assert [row["mine"] for row in rows] == ["a", "b"]
    assert rows[0]["loss"] == pytest.approx(anchored_truth("code", 1.3e6, 160e3, 0.33), rel=0.01)
    assert rows[1]["params"] == 1.3e6  # the largest measured, where none is given
    assert all(row["loss_low"] < row["loss"] < row["loss_high"] for row in rows)


def test_predict_writes_csv(laws: Path, points: Callable[[str], Path], tmp_path: Path, capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio\ncode,160000,0.33\n")
    shown = call(capsys, "predict", laws, "--points", path)
    call(capsys, "predict", laws, "--points", path, "--output", tmp_path / "out.csv")
    assert shown.out == (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert shown.out.startswith("corpus,tokens,domain_ratio,params,loss,loss_low,loss_high,extrapolation\ncode,160000,")


def test_the_interval_of_a_mean_is_narrower(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio\ncode,160000,0.33\n")
    single, mean = (
        call(capsys, "predict", laws, "--points", path, "--json", *more).json["points"][0] for more in ((), ("--mean",))
    )
    assert mean["loss_high"] - mean["loss_low"] < single["loss_high"] - single["loss_low"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("corpus,tokens\ncode,1\n", "no column 'domain_ratio'"),
        ("", "no column 'corpus'"),
        ("corpus,tokens,domain_ratio\n", "no points"),
        ("corpus,tokens,domain_ratio\ncode,many,0.3\n", "tokens: row 1 (line 2) has 'many', which is not a number"),
        ("corpus,tokens,domain_ratio\ncode,160000,\n", "domain_ratio: row 1 (line 2) has no value"),
        ("corpus,tokens,domain_ratio\nlaw,160000,0.3\n", "no law was fitted for 'law'"),
        ("corpus,tokens,domain_ratio\ncode,160000,1.3\n", "domain_ratio"),
        ("corpus,tokens,domain_ratio,params\ncode,160000,0.3,big\n", "params: row 1 (line 2) has 'big', which is not a number"),
    ],
)
def test_points_that_cannot_be_predicted_are_named(
    text: str, words: str, laws: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    called = call(capsys, "predict", laws, "--points", points(text))
    assert called.code == 2
    assert words in called.err
    assert called.out == ""


def test_token_quantities_may_be_written_as_everywhere(
    laws: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    path = points("corpus,tokens,domain_ratio\ncode,160000,0.33\ncode,160k,0.33\n")
    rows = call(capsys, "predict", laws, "--points", path, "--json").json["points"]
    assert rows[0]["loss"] == rows[1]["loss"]


def test_recommend_says_ratio_losses_and_probability(laws: Path, capsys: Capture) -> None:
    called = call(capsys, "recommend", laws, "--tokens", "240k", "--max-increase", 0.03)
    assert called.code == 0
    assert called.out.startswith("mix ")
    assert "general stays within 3.0% of 4.3000 with probability" in called.out


def test_recommend_prints_one_object(laws: Path, capsys: Capture) -> None:
    plain, strict = (
        call(capsys, "recommend", laws, "--tokens", "240k", "--json", *more).json
        for more in ((), ("--max-increase", "0.0", "--confidence", "0.95"))
    )
    assert 0 <= strict["domain_ratio"] <= plain["domain_ratio"] <= 1
    assert plain["constraint"] == {"general": [pytest.approx(4.3), 0.03]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tokens", "many"], "many"),
        (["--tokens", "240k", "--corpus", "law"], "no law was fitted for 'law'"),
        (["--tokens", "240k", "--confidence", "2"], "confidence: 2.0 is not between 0 and 1"),
        (["--tokens", "240k", "--base-loss", "-1"], "base loss -1.0"),
        (["--tokens", "240k", "--base-loss", "0"], "base loss 0.0"),
    ],
)
def test_what_cannot_be_recommended_is_said(words: list[str], message: str, laws: Path, capsys: Capture) -> None:
    called = call(capsys, "recommend", laws, *words)
    assert called.code == 2
    assert message in called.err


@pytest.mark.parametrize("text", [None, "not json", "[]", "{}", '{"corpora": {}}'])
def test_laws_that_are_none_are_refused(text: str | None, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "laws.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    called = call(capsys, "recommend", path, "--tokens", "1M")
    assert called.code == 2
    assert str(path) in called.err
    assert "fit" in called.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        ("corpus,tokens\ncode,1\n", "loss"),
        ("corpus,tokens,loss,domain_ratio\ncode,1,x,0.5\n", "x"),
        ("corpus,corpus_role,tokens,loss,domain_ratio\ncode,domain,0,3.0,0.5\n", "every row is at 0"),
    ],
)
def test_a_table_that_cannot_be_fitted_is_said(
    content: str | None, message: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    called = call(capsys, "fit", path)
    assert called.code == 2
    assert message in called.err
    assert called.err.count("\n") == 1
    assert not (tmp_path / "laws.json").exists()


def test_the_method_that_the_law_was_designed_for_is_fitted(
    tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture
) -> None:
    n = len(columns["loss"])
    compared = [i for i in range(n) if columns["domain_ratio"][i] == columns["domain_ratio"][n - 1]]
    both = {name: [*values, *(values[i] for i in compared)] for name, values in columns.items()}
    both["method"] = ["full"] * n + ["qlora"] * len(compared)
    both["trial"] = [f"{trial}-{method}" for trial, method in zip(both["trial"], both["method"], strict=True)]
    found = call(capsys, "fit", write(tmp_path / "t.csv", both), "--bootstrap", 0)
    assert found.code == 0 and "method full" in found.out


def test_several_methods_have_to_be_told_apart(tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture) -> None:
    both = {name: values * 2 for name, values in columns.items()}
    both["method"] = ["full"] * len(columns["loss"]) + ["qlora"] * len(columns["loss"])
    both["trial"] = [f"{trial}-{method}" for trial, method in zip(both["trial"], both["method"], strict=True)]
    table = write(tmp_path / "t.csv", both)
    refused = call(capsys, "fit", table, "--bootstrap", 0)
    assert refused.code == 2
    assert "full, qlora" in refused.err
    assert call(capsys, "fit", table, "--bootstrap", 0, "--method", "qlora").code == 0
