import pytest

from sweeper.report import Curve, Panel, SearchPoint
from sweeper.report.colours import ratio_colour, ratio_scale
from sweeper.report.figures import panel_figure
from sweeper.report.search_figures import learning_rate_figure, progress_figure

POINTS = (
    SearchPoint("a", 1e-3, 3.4, "full", 0.4),
    SearchPoint("b", 2e-3, 3.0, "qlora", 0.6, pruned=True, lora_r=8),
    SearchPoint("c", 3e-3, 3.2, "full", 0.5),
    SearchPoint("d", 4e-3, 3.3, "full", 0.5),
)


def test_a_curve_with_band_and_points_has_one_legend_entry(data):
    traces = panel_figure(data.token_panels[0])["data"]
    assert [t.get("showlegend", True) for t in traces] == [False, True, False, True]
    band = traces[0]
    assert (band["x"], band["y"]) == ([1.0, 2.0, 2.0, 1.0], [3.1, 2.6, 2.4, 2.9])


def test_one_ratio_has_one_colour(data):
    _, line, points, _ = panel_figure(data.token_panels[0])["data"]
    assert line["line"]["color"] == points["marker"]["color"] == ratio_colour(0.5)


def test_ratios_of_a_usual_design_have_different_colours():
    colours = {ratio_colour(r) for r in (0.0, 0.1, 0.33, 0.67, 1.0)}
    assert len(colours) == 5
    assert [place for place, _ in ratio_scale()][0::5] == [0.0, 1.0]
    assert ratio_colour(1.7) == ratio_colour(1.0)


def test_the_constraint_is_a_line_across(data):
    [shape] = panel_figure(data.token_panels[0])["layout"]["shapes"]
    assert (shape["y0"], shape["y1"], shape["x0"], shape["x1"]) == (2.8, 2.8, 0, 1)


def test_pruned_trials_are_hollow():
    traces = [t for t in learning_rate_figure(POINTS)["data"] if t["x"] != [None]]
    assert [(t["name"], t["marker"]["symbol"], t["x"]) for t in traces] == [
        ("full", "circle", [1e-3, 3e-3, 4e-3]),
        ("qlora, pruned", "diamond-open", [2e-3]),
    ]
    assert traces[0]["marker"]["color"] == [0.4, 0.5, 0.5]


def test_the_best_so_far_counts_finished_trials_only():
    best = progress_figure(POINTS)["data"][0]
    assert best["y"] == [3.4, 3.4, 3.2, 3.2]


def test_a_diverged_trial_is_not_the_best():
    best = progress_figure((SearchPoint("a", 1e-1, float("nan"), "full", 0.4), *POINTS))["data"][0]
    assert best["y"][1:] == pytest.approx([3.4, 3.4, 3.2, 3.2])


def test_every_group_of_the_search_has_a_legend_entry():
    entries = [t["name"] for t in learning_rate_figure(POINTS)["data"] if t.get("showlegend", True)]
    assert entries == ["full", "qlora, pruned"]


def test_a_wide_band_does_not_flatten_the_rest():
    line = Curve("law", (0.0, 1.0), (3.0, 4.0), "line", low=(2.9, 3.9), high=(3.1, 90.0))
    low, high = panel_figure(Panel("p", "x", "y", (line,)))["layout"]["yaxis"]["range"]
    assert 2.8 < low < 2.9
    assert 4.0 < high < 4.3
