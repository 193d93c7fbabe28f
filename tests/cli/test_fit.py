"""`fit` on a table that somebody else has made."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.call import call
from tests.cli.conftest import TOKENS
from tests.cli.tables_on_disk import write
from tests.laws.simulated_cpt import anchored_truth, simulate
from tests.laws.tables.small_tables import typed

Capture = pytest.CaptureFixture[str]
FAST = ("--bootstrap", 0, "--law", "anchored")


def test_fit_writes_laws_beside_the_table_and_says_how_good_they_are(
    tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture
) -> None:
    called = call(capsys, "fit", write(tmp_path / "t.csv", columns), "--bootstrap", 0, "--law", "anchored")
    assert called.code == 0
    assert "code: anchored of 66 rows in 11 runs; R² " in called.out
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


@pytest.mark.parametrize("option", ["--domain", "--target"])
def test_many_corpora_with_one_domain_ratio_are_fitted_once_the_domain_is_named(
    option: str, tmp_path: Path, capsys: Capture
) -> None:
    table = write(tmp_path / "t.csv", typed(("web", "books", "law")))
    refused = call(capsys, "fit", table, *FAST)
    assert refused.code == 2
    assert "which of web, books, law is the target is not clear" in refused.err and "--domain NAME" in refused.err
    fitted = call(capsys, "fit", table, *FAST, option, "law", "--json")
    assert fitted.json["target"] == "law"
    assert set(fitted.json["corpora"]) == {"web", "books", "law"}


def test_parquet_is_read_as_csv_is(tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture) -> None:
    csv, parquet = (write(tmp_path / f"t.{ending}", columns) for ending in ("csv", "parquet"))
    texts = [call(capsys, "fit", table, *FAST, "--output", tmp_path / "l.json").out for table in (csv, parquet)]
    assert texts[0] == texts[1]


def test_only_the_corpora_asked_for_are_fitted(tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture) -> None:
    table = write(tmp_path / "t.csv", columns)
    assert set(call(capsys, "fit", table, *FAST, "--corpus", "code", "--json").json["corpora"]) == {"code"}
    both = call(capsys, "fit", table, *FAST, "--corpus", "code", "--corpus", "general", "--json")
    assert set(both.json["corpora"]) == {"code", "general"}
    wrong = call(capsys, "fit", table, *FAST, "--corpus", "genral")
    assert "corpus: no row has 'genral'" in wrong.err and "did you mean 'general'?" in wrong.err


def test_a_wrong_cell_is_named_by_row_and_line(tmp_path: Path, capsys: Capture) -> None:
    text = "corpus, tokens, domain_ratio, loss\n\nlaw, 100k, 0.5, 3.0\nlaw, 200k, 0.5, ?\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    called = call(capsys, "fit", tmp_path / "t.csv")
    assert called.err == "error: loss: row 2 (line 4) has '?', which is not a number\n"


def test_a_law_that_is_not_known_is_named_with_the_nearest(tmp_path: Path, capsys: Capture) -> None:
    called = call(capsys, "fit", write(tmp_path / "t.csv", typed()), "--law", "anchord")
    assert called.code == 2
    assert "--law: 'anchord' is not known; there are auto, anchored, dcpt" in called.err
    assert "did you mean anchored?" in called.err


def test_an_unwritable_place_is_refused_before_fitting(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write(tmp_path / "t.csv", typed())
    monkeypatch.setattr("sweeper.laws.fit", lambda *_, **__: pytest.fail("fitted first"))
    nowhere = call(capsys, "fit", table, "--output", tmp_path / "missing" / "laws.json")
    assert nowhere.code == 2
    assert f"--output: {tmp_path / 'missing'} cannot be written to" in nowhere.err
    assert f"--output: {tmp_path} is a folder" in call(capsys, "fit", table, "--output", tmp_path).err
    assert f"--output: {table} is what is read" in call(capsys, "fit", table, "--output", table).err


def test_a_fit_that_fails_leaves_the_old_laws(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    table, laws = write(tmp_path / "t.csv", typed()), tmp_path / "laws.json"
    laws.write_text("old", encoding="utf-8")
    monkeypatch.setattr("sweeper.laws.LawSet.to_json", lambda _: (_ for _ in ()).throw(ValueError("broken")))
    with pytest.raises(ValueError, match="broken"):
        call(capsys, "fit", table, *FAST)
    assert laws.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["laws.json", "t.csv"]


def test_long_fits_say_what_they_do(
    tmp_path: Path, columns: dict[str, list[Any]], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweeper.laws import fit

    def slow(*given: Any, **options: Any) -> Any:
        time.sleep(0.05)
        return fit(*given, **options)

    monkeypatch.setattr("sweeper.cli.patience.FIRST_SECONDS", 0.01)
    monkeypatch.setattr("sweeper.laws.fit", slow)
    called = call(capsys, "fit", write(tmp_path / "t.csv", columns), *FAST, "--json")
    assert "fitting 2 corpora, 136 rows, 0 resamples" in called.err
    assert called.json["target"] == "code"


def test_a_note_of_all_corpora_is_said_once(tmp_path: Path, capsys: Capture) -> None:
    called = call(capsys, "fit", write(tmp_path / "t.csv", typed()), *FAST)
    assert called.out.count("No row is in the decay of a schedule") == 1


def test_fitting_loads_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    import subprocess
    import sys

    table = write(tmp_path / "t.csv", typed())
    code = (
        "import sys; from sweeper.__main__ import main; "
        f"main(['fit', {str(table)!r}, '--law', 'anchored', '--bootstrap', '0']); "
        "print(sorted({'torch', 'ray', 'mlflow', 'pandas', 'optuna'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_sizes_and_tokens_of_another_unit_are_refused(tmp_path: Path, capsys: Capture) -> None:
    columns = simulate(anchored_truth, tokens=TOKENS)
    columns["tokens"] = [tokens / 1e9 for tokens in columns["tokens"]]
    called = call(capsys, "fit", write(tmp_path / "t.csv", columns))
    assert called.code == 2
    assert called.err.startswith("error: tokens: the largest is 0.00016, which looks like")


def test_a_person_at_a_terminal_sees_a_table(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "150")
    called = call(capsys, "fit", write(tmp_path / "t.csv", typed()), *FAST)
    assert "│ general │ anchored (used) │" in called.out and "leave one ratio" in called.out
    assert "held-out errors in nats:" not in called.out
