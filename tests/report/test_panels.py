import pytest

from sweeper.report import ratio_panels, token_panels


def test_a_panel_for_each_corpus_and_model_with_a_curve_for_each_ratio(columns, law):
    panels = token_panels(columns, law.predict, method="full", to_tokens=4096)
    assert [p.title for p in panels] == ["code · tiny (0.001 M parameters)", "general · tiny (0.001 M parameters)"]
    points = [c for c in panels[0].curves if c.kind == "points"]
    assert [(c.ratio, c.x, c.y) for c in points] == [
        (0.25, (1024.0, 2048.0), (pytest.approx(3.8), pytest.approx(3.6))),
        (0.75, (1024.0, 2048.0), (pytest.approx(3.4), pytest.approx(3.2))),
    ]
    assert panels[0].limits[0].value == 4.0


def test_law_curves_reach_to_the_tokens_asked_about_with_their_band(columns, law):
    [line, _] = [c for c in token_panels(columns, law.predict, method="full", to_tokens=4096)[0].curves if c.low]
    assert line.x[-1] == 4096
    assert line.y[-1] == pytest.approx(4 - 0.25 - 0.004096)
    assert line.low[-1] == pytest.approx(line.y[-1] - 0.1)


def test_each_method_starts_at_its_own_base_loss(columns, law):
    panel = token_panels(columns, law.predict, method="qlora", to_tokens=4096)[0]
    assert panel.limits[0].value == pytest.approx(4.2)
    assert {c.ratio for c in panel.curves} == {0.25}


def test_without_laws_the_points_are_shown(columns):
    curves = token_panels(columns, None, method="full", to_tokens=4096)[0].curves
    assert {c.kind for c in curves} == {"points"}


def test_ratio_panels_show_constraint_recommendation_and_confirming_run(columns, law):
    panels = ratio_panels(
        columns,
        law.predict,
        method="full",
        params=1000,
        tokens=4096,
        recommended=0.5,
        limits={"general": 3.09},
        confirmed={"code": 3.45},
    )
    general, code = panels
    assert [(limit.axis, limit.value) for limit in general.limits] == [("y", 3.09), ("x", 0.5)]
    assert [limit.axis for limit in code.limits] == ["x"]
    assert [(m.symbol, m.x, m.y) for m in code.marks] == [
        ("star", 0.5, pytest.approx(3.5 - 0.004096)),
        ("diamond", 0.5, 3.45),
    ]
    assert [m.symbol for m in general.marks] == ["star"]


def test_points_measured_at_other_tokens_get_a_law_of_their_own(columns, law):
    def names(tokens):
        panels = ratio_panels(columns, law.predict, method="full", params=1000, tokens=tokens)
        return [c.name for c in panels[0].curves]

    assert names(4096) == ["law", "law at 2.05 k tokens", "measured at 2.05 k tokens"]
    assert names(2048) == ["law", "measured at 2.05 k tokens"]


def test_ratio_points_are_the_last_of_each_law_trial(columns, law):
    [*_, points] = ratio_panels(columns, law.predict, method="full", params=1000, tokens=2048)[1].curves
    assert (points.x, points.y) == ((0.25, 0.75), (pytest.approx(3.6), pytest.approx(3.2)))
