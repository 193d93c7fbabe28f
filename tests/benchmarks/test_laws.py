import json

import numpy as np
import pytest

from benchmarks import laws
from benchmarks.laws_published import CMR_TABLE_5, cmr, dcpt_uses
from benchmarks.laws_rows import Row, absolute, relative, text_of


def test_a_row_passes_within_its_tolerance_only():
    assert absolute("ratio", 0.9245, 0.9254, 1e-3).passed
    assert not absolute("ratio", 0.9245, 0.9256, 1e-3).passed
    assert relative("R*", 10.0, 10.05, 1.0).difference == pytest.approx(0.5)
    assert not relative("R*", 10.0, 9.8, 1.0).passed


def test_the_text_shows_failures_and_what_has_nothing_to_compare_with():
    lines = text_of([absolute("good", 1.0, 1.0, 0.1), Row("bad", None, 3.0, 3.0, 1.0, goal="below 1")]).splitlines()
    assert lines[1].endswith("ok")
    assert "FAILED  below 1" in lines[2] and " - " in lines[2]


def test_published_coefficients_give_the_published_critical_ratios(tmp_path):
    write(tmp_path, "cmr_table2_domain_loss_vs_ratio.csv", power_table())
    rows = cmr(tmp_path)
    assert [round(row.ours, 1) for row in rows[:4]] == [29.8, 34.9, 41.4, 47.8]
    assert all(row.passed for row in rows)


def test_a_loss_that_is_no_power_of_the_ratio_fails(tmp_path):
    write(tmp_path, "cmr_table2_domain_loss_vs_ratio.csv", power_table(at_quarter=0.01))
    assert [row.passed for row in cmr(tmp_path)] == [True] * 4 + [False] * 4


def test_the_crossing_is_interpolated(tmp_path):
    limit = 2.8602 * 1.03
    first = f"domain_ratio,general_loss,domain_loss\n0.9,{limit - 0.1},1.7\n0.94,{limit + 0.3},1.6\n"
    write(tmp_path, "dcpt_table5_usage1_chemistry_1p8B.csv", first)
    write(tmp_path, "dcpt_usage2_music_1p8B_Dd5B.csv", "domain_ratio,domain_loss\n0.5,0.8\n0.732,0.7309\n0.8,0.74\n")
    crossing, best, loss = dcpt_uses(tmp_path)
    assert crossing.ours == pytest.approx(0.91)
    assert not crossing.passed and best.passed and loss.passed


def test_the_last_line_counts_and_the_file_has_every_row(tmp_path, monkeypatch, capsys):
    part = [absolute("good", 1.0, 1.0, 0.1), absolute("bad", 1.0, 2.0, 0.1)]
    monkeypatch.setattr(laws, "PARTS", {"made up": lambda tables: part})
    assert laws.main(["--tables", str(tmp_path), "--output", str(tmp_path / "laws.json")]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"passed": 1, "failed": ["bad"]}
    written = json.loads((tmp_path / "laws.json").read_text())
    assert [row["passed"] for row in written["parts"]["made up"]] == [True, False]


def power_table(at_quarter=0.0):
    lines = ["model,domain_ratio,domain_loss_measured"]
    for model in CMR_TABLE_5:
        for ratio in (1.0, 0.75, 0.5, 0.3333, 0.25):
            loss = 2.0 - 0.5 * np.power(ratio, 0.18) + (at_quarter if ratio == 0.25 else 0.0)
            lines.append(f"{model},{ratio},{loss:.6f}")
    return "\n".join(lines) + "\n"


def write(folder, name, text):
    (folder / "published_tables").mkdir(exist_ok=True)
    (folder / "published_tables" / name).write_text(text)
