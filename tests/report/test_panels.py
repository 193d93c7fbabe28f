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


def test_a_corpus_without_a_law_is_drawn_as_it_was_measured(columns, law):
    def only_code(corpus, **asked):
        return law.predict(corpus, **asked) if corpus == "code" else None

    [*_, by_tokens] = token_panels(columns, only_code, method="full", to_tokens=4096)
    assert [(c.kind, c.y) for c in by_tokens.curves] == [("points", (3.1, 3.2)), ("points", (3.3, 3.5))]
    general, code = ratio_panels(
        columns, only_code, method="full", params=1000, tokens=4096, recommended=0.5, confirmed={"general": 3.3}
    )
    assert [(c.name, c.x, c.y) for c in general.curves] == [("measured at 2.05 k tokens", (0.25, 0.75), (3.2, 3.5))]
    assert [(m.symbol, m.y) for m in general.marks] == [("diamond", 3.3)]
    assert "law" in [c.name for c in code.curves]
