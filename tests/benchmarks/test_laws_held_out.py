"""What the held-out benchmark leaves out, how it pools errors, where losses cross their base."""

import json
import math
from collections import Counter

import numpy as np
import pytest

from benchmarks import laws_held_out
from benchmarks.laws_held_out_rows import (
    BEYOND,
    EXTREME,
    PAST,
    RATIO,
    RATIO_BASELINES,
    Fold,
    Miss,
    Unit,
    alone,
    baseline_misses,
    folds_of,
    last_tokens,
    misses_of,
)
from benchmarks.laws_held_out_share import ShareMiss, clamped, crossing
from benchmarks.laws_held_out_summary import RATIO_END, TWICE, against, share_summary, summary, unit_errors
from sweeper.laws import fit, table_from_columns

A, B, C = (Unit(table, 1e6, "wiki", "general") for table in ("a", "b", "c"))


def made_table(loss=lambda ratio, tokens: 3.0 + ratio + 1e-6 * tokens, tokens=(0, 100_000, 200_000, 400_000)):
    ratios = (0.0, 0.25, 0.5, 1.0)
    rows = [(c, r, t) for c in ("wiki", "law") for r in ratios for t in tokens]
    return table_from_columns(
        {
            "corpus": [c for c, _, _ in rows],
            "corpus_role": ["general" if c == "wiki" else "domain" for c, _, _ in rows],
            "domain_ratio": [r for _, r, _ in rows],
            "tokens": [t for _, _, t in rows],
            "loss": [loss(r, t) if t else 3.0 for _, r, t in rows],
        }
    )


def miss(unit, error, *, fold=RATIO, side="auto", covered=True, last=False):
    return Miss(unit, fold, side, error, covered, last)


def test_every_ratio_is_left_out_once_with_the_ends_apart_and_the_later_half_of_tokens():
    table = made_table()
    folds = folds_of(table)
    assert [fold.name for fold in folds] == [EXTREME, RATIO, RATIO, EXTREME, BEYOND]
    assert [set(table.domain_ratio[fold.left_out]) for fold in folds[:-1]] == [{0.0}, {0.25}, {0.5}, {1.0}]
    assert set(table.tokens[folds[-1].left_out]) == {400_000}
    assert not any((fold.left_out & (table.tokens == 0)).any() for fold in folds)


def test_baselines_see_neighbouring_ratios_or_the_last_seen_checkpoint():
    table = made_table()
    folds = folds_of(table)
    ratio = {(m.side, m.last): m.error for m in baseline_misses("a", table, folds[1]) if m.unit.role == "general"}
    between = math.sqrt((3.0 + 0.4) * (3.5 + 0.4)) - 3.65  # a line in log loss, halfway
    assert ratio["interpolation", True] == pytest.approx(between)
    assert ratio["nearest run", True] == pytest.approx(math.sqrt(3.4 * 3.9) - 3.65)  # both neighbours are as near
    assert ratio["unchanged", True] == pytest.approx(3.0 - 3.65)
    beyond = [m for m in baseline_misses("a", table, folds[-1]) if m.unit.role == "domain"]
    assert {m.side for m in beyond} == {"last checkpoint", "unchanged"}
    assert [m.error for m in beyond if m.side == "last checkpoint"] == pytest.approx([-0.2] * 4)
    assert all(m.last and m.covered is None for m in beyond)


def test_rows_past_twice_the_fitted_tokens_are_kept_apart():
    table = made_table(tokens=(0, 100_000, 180_000, 300_000, 400_000))
    found = list(baseline_misses("a", table, folds_of(table)[-1]))
    assert {(m.fold, m.last) for m in found} == {(BEYOND, True), (PAST, False)}
    errors = [m.error for m in found if m.side == "last checkpoint" and m.fold == BEYOND and m.unit.role == "domain"]
    assert errors == pytest.approx([-0.12] * 4)
    assert set(last_tokens(table)) == {300_000}


def test_interpolation_says_nothing_beyond_the_ends():
    table = made_table()
    sides = {m.side for m in baseline_misses("a", table, folds_of(table)[0])}
    assert sides == {"nearest run", "unchanged"}


def test_a_fold_hides_its_rows_from_baselines():
    table = made_table(lambda ratio, tokens: 3.3 if ratio == 0.25 else 3.0 + ratio)
    every = Fold(RATIO, (table.domain_ratio > 0) & (table.domain_ratio < 1) & (table.tokens > 0))
    found = [m for m in baseline_misses("a", table, every) if m.side == "nearest run" and m.unit.role == "general"]
    assert found[0].error == pytest.approx(3.0 - 3.3)  # ratio 0.25 sees 0, not 0.5


def test_crossings_are_interpolated_and_start_below_the_base():
    ratios = np.array([0.0, 0.25, 0.5, 1.0])
    assert crossing(ratios, np.array([-0.2, -0.1, 0.3, 0.9])) == pytest.approx(0.25 + 0.25 / 4)
    assert crossing(ratios, np.array([-0.2, 0.0, 0.3, 0.9])) == pytest.approx(0.25)
    assert crossing(ratios, np.array([-0.2, 0.1, -0.3, 0.9])) == pytest.approx(0.25 * 2 / 3)
    for never in ([0.1, 0.2, 0.3, 0.4], [0.1, -0.2, 0.3, 0.4], [-0.4, -0.3, -0.2, -0.1]):
        assert crossing(ratios, np.array(never)) is None


def test_a_forecast_that_never_crosses_stands_at_the_end():
    ratios = np.array([0.1, 0.5, 0.9])
    assert clamped(ratios, np.array([0.1, 0.2, 0.3])) == 0.1
    assert clamped(ratios, np.array([-0.3, -0.2, -0.1])) == 0.9
    assert clamped(ratios, np.array([-0.1, 0.1, 0.3])) == pytest.approx(0.3)


def test_the_error_of_a_unit_is_its_mean_absolute_error():
    assert unit_errors([miss(A, 0.1), miss(A, -0.3), miss(B, 0.5)]) == {A: pytest.approx(0.2), B: 0.5}


def test_ratios_to_the_reference_are_of_medians_over_units_that_both_judged():
    found = against({A: 0.1, B: 0.2, C: 0.9}, {A: 0.4, B: 0.5})
    assert found["ratio"] == pytest.approx(0.15 / 0.45)
    assert (found["least"], found["greatest"]) == (pytest.approx(0.25), pytest.approx(0.4))
    assert found["better_units"] == 2
    assert against({A: 0.1}, {A: 0.4, B: 0.5})["ratio"] == pytest.approx(0.25)
    assert not against({A: 0.2}, {A: 0.5})["goal_met"]
    assert against({A: 0.1}, {A: 0.5})["goal_met"]


def test_the_summary_keeps_questions_roles_and_sides_apart():
    domain = Unit("a", 1e6, "law", "domain")
    misses = [
        miss(A, 0.1), miss(A, 0.2, side="dcpt", covered=False), miss(A, 0.7, side="unchanged", covered=None),
        miss(domain, 0.3), miss(domain, 0.3, side="dcpt"),
        miss(A, 0.4, fold=BEYOND), miss(A, 0.6, fold=BEYOND, last=True), miss(A, 1.0, fold=BEYOND, side="dcpt"),
        miss(A, 1.2, fold=BEYOND, side="dcpt", last=True),
    ]  # fmt: skip
    losses = summary(misses, [])["losses"]
    assert losses[RATIO]["general"]["auto"]["to_dcpt"]["ratio"] == pytest.approx(0.5)
    assert losses[RATIO]["domain"]["auto"]["to_dcpt"]["ratio"] == pytest.approx(1.0)
    assert losses[RATIO]["general"]["dcpt"]["coverage"] == 0.0
    assert losses[RATIO]["general"]["unchanged"]["coverage"] is None
    assert losses[BEYOND]["general"]["auto"]["median"] == pytest.approx(0.5)
    assert losses[TWICE]["general"]["auto"]["median"] == pytest.approx(0.6)
    assert losses[EXTREME] == {} and losses[RATIO_END] == {}
    assert losses[RATIO]["general"]["dcpt"]["coverage_by_table"] == {"a": 0.0}
    assert losses[RATIO]["general"]["unchanged"]["coverage_by_table"] == {}


def test_share_errors_are_medians_of_absolute_values_by_side():
    shares = [
        ShareMiss(A, "auto", 0.5, -0.008, 0.004, True), ShareMiss(B, "auto", 0.4, 0.02, 0.03, False),
        ShareMiss(A, "dcpt", 0.5, 0.2, 0.1, True),
    ]  # fmt: skip
    found = share_summary(shares)
    assert found["auto"]["median"] == pytest.approx(0.014)
    assert (found["auto"]["within_0.01"], found["auto"]["coverage"], found["auto"]["crossings"]) == (0.5, 0.5, 2)
    assert found["dcpt"]["median_alike"] == pytest.approx(0.1)


def test_the_whole_way_ends_with_one_json_line(tmp_path, monkeypatch, capsys):
    errors = {"auto": 0.1, "anchored": 0.1, "dcpt": 0.4}
    monkeypatch.setattr(
        laws_held_out,
        "misses_of",
        lambda name, table, fold, bootstrap: [
            miss(Unit(name, 1.0, "wiki", "general"), e, fold=fold.name, side=s, last=True) for s, e in errors.items()
        ],
    )
    monkeypatch.setattr(
        laws_held_out,
        "share_misses_of",
        lambda name, table, bootstrap: [ShareMiss(A, side, 0.5, e, e, True) for side, e in errors.items()],
    )
    table = made_table()
    lines = ["corpus,corpus_role,tokens,domain_ratio,loss"]
    for corpus, tokens, ratio, loss in zip(table.corpus, table.tokens, table.domain_ratio, table.loss, strict=True):
        lines.append(f"{corpus},{'general' if corpus == 'wiki' else 'domain'},{tokens:.0f},{ratio},{loss}")
    (tmp_path / "made.csv").write_text("\n".join(lines))
    (tmp_path / "notes.md").write_text("not a table")
    assert laws_held_out.main(["--tables", str(tmp_path), "--output", str(tmp_path / "found.json")]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["tables"] == 1
    assert last["auto_to_dcpt"]["ratio, general"] == 0.25
    assert last["share_error"] == errors
    written = json.loads((tmp_path / "found.json").read_text())
    assert written["tables"]["made"]["ratios"] == [0, 0.25, 0.5, 1]
    assert str(tmp_path) not in json.dumps(written)


def test_sides_are_fitted_to_seen_rows_and_judged_on_the_others():
    def loss(ratio, tokens):  # what is left out is a nat above all that the others say
        return 3.0 + 0.4 * ratio + 0.1 * math.log1p(tokens / 1e5) + (ratio == 0.25)

    table = made_table(loss)
    table = table.rows(table.corpus == "wiki")
    found = list(misses_of("a", table, folds_of(table)[1], bootstrap=0))
    assert Counter(m.side for m in found) == dict.fromkeys(("auto", "anchored", "dcpt", *RATIO_BASELINES), 3)
    assert {m.fold for m in found} == {RATIO} and {m.unit.role for m in found} == {"general"}
    assert all((m.covered is None) == (m.side in RATIO_BASELINES) for m in found)
    assert [m.error for m in found if m.side == "anchored"] == pytest.approx([-1.0] * 3, abs=0.1)


def test_all_weight_can_be_put_on_one_law():
    table = made_table(lambda ratio, tokens: 3.0 + 0.4 * ratio + 0.1 * math.log1p(tokens / 1e5))
    laws = fit(table.rows(table.corpus == "wiki"), bootstrap=0)
    for law in ("dcpt", "anchored"):
        only = alone(laws, law).corpora["wiki"]
        assert only.choice.weights == {law: 1.0} and only.law == law
        assert only.candidates is laws.corpora["wiki"].candidates
