"""`predict` at points of a file."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.call import call
from tests.cli.tables_on_disk import write
from tests.laws.simulated_cpt import anchored_truth, simulate
from tests.laws.tables.small_tables import typed

Capture = pytest.CaptureFixture[str]


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
        (
            "corpus,tokens,domain_ratio,params\ncode,160000,0.3,big\n",
            "params: row 1 (line 2) has 'big', which is not a number",
        ),
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


def test_a_table_of_points_may_be_parquet(
    laws: Path, points: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    columns = {"corpus": ["code", "general"], "tokens": [160_000, 80_000], "domain_ratio": [0.33, 0.1]}
    text = "corpus,tokens,domain_ratio\ncode,160000,0.33\ngeneral,80000,0.1\n"
    found = [
        call(capsys, "predict", laws, "--points", path, "--json").json["points"]
        for path in (points(text), write(tmp_path / "p.parquet", columns))
    ]
    assert [row["loss"] for row in found[0]] == [row["loss"] for row in found[1]]


def test_shares_of_their_own_say_the_same_as_the_domain_ratio(
    laws: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    ratio = points("corpus,tokens,domain_ratio\ngeneral,160000,0.3\ncode,160000,0.3\n")
    first = call(capsys, "predict", laws, "--points", ratio, "--json").json["points"]
    shares = points("corpus,tokens,ratio.code,ratio.general\ngeneral,160000,0.3,0.7\ncode,160000,0.3,0.7\n")
    second = call(capsys, "predict", laws, "--points", shares, "--json").json["points"]
    assert [row["loss"] for row in first] == pytest.approx([row["loss"] for row in second])


def test_extrapolation_is_that_of_each_point(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio\ncode,80000,0.3\ncode,320000,0.3\ngeneral,160000,0.3\n")
    called = call(capsys, "predict", laws, "--points", path, "--json")
    assert [row["extrapolation"] for row in called.json["points"]] == pytest.approx([0.5, 2.0, 1.0])


def test_a_smaller_area_is_less_training(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points(
        "corpus,tokens,domain_ratio,lr_area\ncode,160000,0.9,\ncode,160000,0.9,160000\ncode,160000,0.9,40000\n"
    )
    whole, same, less = call(capsys, "predict", laws, "--points", path, "--json").json["points"]
    assert whole["loss"] == same["loss"] < less["loss"]


def test_a_narrower_level_is_asked_for(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio\ncode,160000,0.33\n")
    narrow, wide = (
        call(capsys, "predict", laws, "--points", path, "--json", "--level", level).json["points"][0]
        for level in (0.5, 0.95)
    )
    assert wide["loss_low"] < narrow["loss_low"] < narrow["loss_high"] < wide["loss_high"]
    assert "--level: 90 is not between 0 and 1" in call(capsys, "predict", laws, "--points", path, "--level", 90).err


def test_a_measured_loss_stands_beside_the_predicted_one(
    laws: Path, columns: dict[str, list[Any]], tmp_path: Path, capsys: Capture
) -> None:
    trained = [i for i, tokens in enumerate(columns["tokens"]) if tokens > 0]
    path = write(tmp_path / "p.csv", {name: [values[i] for i in trained] for name, values in columns.items()})
    assert call(capsys, "predict", laws, "--points", path, "--output", tmp_path / "out.csv").code == 0
    with (tmp_path / "out.csv").open(encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    assert len(rows) == len(trained)
    assert all(abs(float(row["loss"]) / float(row["loss_measured"]) - 1) < 0.02 for row in rows)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lwa,1,0.5", "corpus: row 2 (line 3): no law was fitted for 'lwa'; there are laws for "),
        ("cod,1,0.5", "did you mean 'code'?"),
        (",1,0.5", "corpus: row 2 (line 3): no value"),
        ("code,-5,0.5", "tokens: row 2 (line 3) has -5"),
        (
            "code,1,50",
            "domain_ratio: row 2 (line 3) has 50; a share is between 0 and 1; the values look like percentages",
        ),
    ],
)
def test_a_refusal_names_row_and_column(
    line: str, words: str, laws: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    called = call(capsys, "predict", laws, "--points", points(f"corpus,tokens,domain_ratio\ncode,1000,0.5\n{line}\n"))
    assert called.code == 2
    assert words in called.err and called.err.count("\n") == 1


def test_a_size_that_no_law_reaches_is_refused_by_its_row(
    laws: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    path = points("corpus,tokens,domain_ratio,params\ncode,160000,0.3,1.3M\ncode,160000,0.3,7B\n")
    called = call(capsys, "predict", laws, "--points", path)
    assert called.code == 2
    assert called.err.startswith("error: row 2 (line 3): ") and "params" in called.err


def test_sizes_are_not_asked_of_laws_that_know_none(
    tmp_path: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    table = write(tmp_path / "t.csv", typed())
    assert call(capsys, "fit", table, "--bootstrap", 0, "--law", "anchored").code == 0
    path = points("corpus,tokens,domain_ratio,params\nlaw,100000,0.5,7e9\n")
    called = call(capsys, "predict", tmp_path / "laws.json", "--points", path)
    assert called.code == 0
    assert called.err.startswith("note: The fitted table has no params")
    found = call(capsys, "recommend", tmp_path / "laws.json", "--tokens", "100k", "--params", "7B")
    assert found.code == 0 and "--params is not used" in found.err


def test_nothing_is_written_where_a_point_is_refused(
    laws: Path, points: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out.csv"
    path = points("corpus,tokens,domain_ratio\ncode,1000,0.5\ncode,x,0.5\n")
    assert call(capsys, "predict", laws, "--points", path, "--output", out).code == 2
    assert not out.exists()
    unwritable = call(capsys, "predict", laws, "--points", path, "--output", tmp_path / "no" / "out.csv")
    assert unwritable.code == 2


def test_a_file_of_points_is_not_overwritten(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio\ncode,160000,0.33\n")
    called = call(capsys, "predict", laws, "--points", path, "--output", path)
    assert "is what is read" in called.err
    assert path.read_text(encoding="utf-8").endswith("0.33\n")


def test_laws_are_found_in_their_folder(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio\ncode,160000,0.33\n")
    assert call(capsys, "predict", laws.parent, "--points", path).code == 0


def test_points_of_another_method_are_refused(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio,params,method\ncode,160000,0.3,1300000,qlora\n")
    called = call(capsys, "predict", laws, "--points", path)
    assert called.code == 2
    assert "row 1 (line 2) has qlora, these laws are of full; fit with --method qlora" in called.err


def test_points_before_training_have_the_base_loss(laws: Path, points: Callable[[str], Path], capsys: Capture) -> None:
    path = points("corpus,tokens,domain_ratio,params\ncode,0,,1.3e6\ncode,160000,0.33,1.3e6\n")
    before, after = call(capsys, "predict", laws, "--points", path, "--json").json["points"]
    assert before["loss"] == before["loss_low"] == before["loss_high"] == pytest.approx(5.1)
    assert before["extrapolation"] == 0 and after["loss"] < 5.0


def test_points_before_training_are_refused_where_the_base_loss_is_not_known(
    tmp_path: Path, points: Callable[[str], Path], capsys: Capture
) -> None:
    table = write(tmp_path / "t.csv", simulate(anchored_truth, base=False))
    assert call(capsys, "fit", table, "--bootstrap", 0, "--law", "anchored").code == 0
    path = points("corpus,tokens,domain_ratio,params\ncode,0,0.5,1.3e6\n")
    called = call(capsys, "predict", tmp_path / "laws.json", "--points", path)
    assert called.code == 2
    assert "tokens: row 1 (line 2) has 0" in called.err
