"""What the comparison of searches says."""

import json

import numpy as np

from benchmarks import search_efficiency
from benchmarks.efficiency.curves import BUDGETS
from benchmarks.efficiency.figures import picture, text
from benchmarks.efficiency.summary import middle_share, quartiles, share_of_grid, summarised, worse_cells


def reaching(share, seeds=4):
    """Regrets of 5 % that fall to 0.5 % at a share of the grid."""
    return np.tile(np.where(np.array(BUDGETS) < share, 0.05, 0.005), (seeds, 1))


def test_a_share_counts_only_where_the_regret_stays_low():
    assert share_of_grid(reaching(0.1)) == 0.1
    assert share_of_grid(reaching(2.0)) is None
    relapse = reaching(0.05)
    relapse[:, BUDGETS.index(0.2)] = 0.02
    assert share_of_grid(relapse) == 0.3


def test_an_unsolved_problem_counts_as_more_than_the_grid():
    assert middle_share([0.1, 0.2, None]) == 0.2
    assert middle_share([0.1, None, None]) is None


def test_ours_is_worse_where_the_paired_difference_exceeds_its_error():
    rng = np.random.default_rng(0)
    common = rng.normal(0.02, 0.01, (30, len(BUDGETS)))
    ours = common + rng.normal(0, 1e-4, common.shape)
    ours[:, 3] += 0.002
    found = worse_cells({"ours": ours, "grid": common, "random": common + 0.01}, "ours", 4.0)
    assert found == [BUDGETS[3]]
    assert worse_cells({"ours": common, "grid": common}, "ours") == []


def test_the_last_line_has_the_median_over_problems_of_each():
    results = {f"p{i}": {"ours": reaching(s), "grid": reaching(0.5)} for i, s in enumerate((0.05, 0.1, 0.2))}
    line = summarised(results, "ours")
    assert line["token_share_of_grid"] == 0.1
    assert line["peers"] == {"grid": 0.5}
    assert line["worse_by_1_errors"] == 0 and line["cells"] == 33
    assert "token_share_of_grid" not in summarised({"p": {"grid": reaching(0.5)}}, "ours")


def test_quartiles_picture_and_text_show_the_curves():
    assert quartiles(reaching(0.5))["median"][-1] == 0.005
    results = {"some problem": {"ours": reaching(0.1), "grid": reaching(0.5)}}
    assert "some problem" in picture(results) and "polygon" in picture(results)
    assert "ours" in text(results) and "0.50" in text(results)


def test_the_whole_on_one_problem(tmp_path, capsys):
    arguments = ["--problems", "adapters", "--seeds", "2", "--processes", "1", "--kept", str(tmp_path)]
    assert search_efficiency.main(arguments) == 0
    printed = capsys.readouterr()
    line = json.loads(printed.out.splitlines()[-1])
    assert line["seeds"] == 2 and line["problems"] == 1
    assert {name for name, found in line["shares"].items() if "adapters" in found} >= {"grid", "optuna_asha"}
    assert "dcpt_design" not in line["shares"], "there is no ratio to choose"
    assert "left out" in printed.err
    of_grid = json.loads(next(tmp_path.rglob("*-grid.json")).read_text(encoding="utf-8"))
    assert set(of_grid) == {"0", "1"}
    assert all(regrets[-1] < 0.05 < regrets[0] for regrets in of_grid.values())
    kept = sorted(file.name for file in tmp_path.rglob("*.json"))
    assert search_efficiency.main([*arguments, "--fresh", "grid"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == line
    assert sorted(file.name for file in tmp_path.rglob("*.json")) == kept
