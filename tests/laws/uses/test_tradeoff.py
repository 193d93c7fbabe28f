import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from sweeper.laws import LawError, fit, recommend_tradeoff
from sweeper.laws.uses.options import options_of
from sweeper.laws.uses.trust import Evidence, distrust
from tests.laws.simulated_cpt import BASE, anchored_truth, simulated_table

GENERAL = BASE["general"][1.3e6]
ASK = {"target": "code", "tokens": 240e3, "params": 1.3e6}


@pytest.fixture(scope="module")
def fits():
    return fit(simulated_table(anchored_truth), bootstrap=40)


@pytest.fixture(scope="module")
def recommended(fits):
    return recommend_tradeoff(fits, constraint={"general": (GENERAL, 0.03)}, **ASK)


def words(fits, increase=0.03, base=GENERAL, **changes):
    return recommend_tradeoff(fits, constraint={"general": (base, increase)}, **{**ASK, **changes}).trust


def test_ratio_is_where_the_true_general_loss_meets_the_limit(recommended):
    true = brentq(lambda r: anchored_truth("general", 1.3e6, 240e3, r) - 1.03 * GENERAL, 0.3, 0.99)
    assert recommended.binds and recommended.holds
    assert recommended.domain_ratio == pytest.approx(true, abs=0.04)
    assert recommended.interval[0] <= true <= recommended.interval[1]
    assert recommended.predicted["general"].loss <= 1.03 * GENERAL


def test_trust_is_silent_on_a_good_table(recommended):
    assert recommended.trust == []


def test_confidence_moves_the_ratio_inside(fits, recommended):
    safe = recommend_tradeoff(fits, constraint={"general": (GENERAL, 0.03)}, confidence=0.9, **ASK)
    assert safe.domain_ratio < recommended.domain_ratio
    assert safe.p_constraint >= 0.9 > recommended.p_constraint


def test_bounds_limit_the_search(fits):
    bounded = recommend_tradeoff(fits, constraint={"general": (GENERAL, 0.03)}, low=0.2, high=0.4, **ASK)
    assert bounded.domain_ratio == pytest.approx(0.4)
    with pytest.raises(LawError, match="no extrapolation in ratio"):
        recommend_tradeoff(
            fit(simulated_table(anchored_truth, ratios=(0.1, 0.3, 0.5)), law="anchored", bootstrap=0),
            constraint={}, low=0.7, **ASK,
        )  # fmt: skip


def test_result_is_plain_json_with_a_curve(recommended):
    data = json.loads(json.dumps(recommended.to_dict(), allow_nan=False))
    curve = data["curve"]
    assert len(curve["domain_ratio"]) == len(curve["bands"]["code"]["loss"]) == len(curve["p_constraint"])
    assert np.all(np.diff(curve["p_constraint"]) <= 0.2)
    assert curve["p_constraint"][0] > curve["p_constraint"][-1]


def test_without_constraint_the_lowest_target_loss_wins(fits):
    free = recommend_tradeoff(fits, constraint={}, **ASK)
    assert free.domain_ratio == pytest.approx(1.0)
    assert free.p_constraint == 1.0 and not free.binds and free.trust == []


def test_impossible_constraint_gives_the_nearest_ratio_and_says_so(fits):
    result = recommend_tradeoff(fits, constraint={"general": (GENERAL, -0.3)}, **ASK)
    losses = result.curve.bands["general"].loss
    assert not result.holds and not result.binds
    assert result.domain_ratio == result.curve.domain_ratio[int(np.argmin(losses))]
    assert any("No ratio holds the constraint" in word for word in result.trust)


def test_constraint_that_never_binds_is_said(fits):
    assert any("never binds" in word for word in words(fits, increase=3.0))


def test_far_tokens_are_said(fits):
    assert any("Extrapolation: 3 times" in word for word in words(fits, tokens=480e3))
    assert not any("Extrapolation" in word for word in words(fits, tokens=320e3))


def test_confidence_out_of_reach_is_said_and_the_surest_ratios_are_weighed_by_the_target(fits):
    curve = recommend_tradeoff(fits, constraint={"general": (GENERAL, 0.03)}, **ASK).curve
    limit = float(np.min(curve.bands["general"].loss)) * 1.0005
    result = recommend_tradeoff(fits, constraint={"general": (limit, 0.0)}, confidence=0.999, **ASK)
    chances, losses = np.array(result.curve.p_constraint), np.array(result.curve.bands["code"].loss)
    assert chances.max() < 0.999 and not result.holds
    alike = chances >= chances.max() - 0.05
    assert result.domain_ratio == result.curve.domain_ratio[int(np.argmin(np.where(alike, losses, np.inf)))]
    assert 0 < result.domain_ratio < 0.5
    assert any("with probability 0.999" in word for word in result.trust)


def test_few_ratios_and_few_rows_are_said():
    two = fit(simulated_table(anchored_truth, ratios=(0.2, 0.8)), bootstrap=10)
    assert any("2 ratios" in word for word in words(two))
    small = fit(simulated_table(anchored_truth, tokens=(160e3,), sizes=(1.3e6,)), bootstrap=10)
    assert any("6 measurements" in word for word in words(small))


def test_law_that_misses_left_out_ratios_is_said():
    noisy = fit(simulated_table(anchored_truth, noise=0.04, seed=2), bootstrap=10)
    assert any("Poor held-out error" in word and "constraint is 3.0%" in word for word in words(noisy))


def test_law_that_a_straight_line_beats_is_said():
    fits = fit(simulated_table(stepped_truth, seed=1, noise=0.0005), bootstrap=10)
    assert any("joining the neighbouring ratios" in word for word in words(fits, increase=0.6))


def stepped_truth(corpus, params, tokens, ratio):
    """Linear in the ratio with a jump at the extremes, which no law here can follow."""
    own = ratio if corpus == "code" else 1 - ratio
    return BASE[corpus][params] * np.exp((0.5 - own) * 0.4 * min(tokens / 80e3, 1.0) + 0.2 * np.sin(tokens / 12e3))


def test_low_probability_is_said(fits):
    ratios = np.array([0.2, 0.5])
    evidence = Evidence(
        fits=fits,
        target="code",
        constraint={"general": (GENERAL, 0.03)},
        options=options_of(ratios, 240e3, 1.3e6),
        best=1,
        runs={n: fits.predict(n, tokens=240e3, params=1.3e6, domain_ratio=ratios) for n in fits.corpora},
        allowed=np.array([True, True]),
        over=np.array([-0.02, 0.01]),
        p_hold=np.array([0.9, 0.35]),
        confidence=None,
        extrapolation=1.5,
    )
    assert distrust(evidence) == ["The constraint is predicted to hold with a probability of 0.35 only."]
    assert distrust(replace(evidence, p_hold=np.array([0.9, 0.45]))) == []


def test_two_constraints_must_both_hold(fits, recommended):
    code = recommended.predicted["code"].loss
    both = recommend_tradeoff(fits, constraint={"general": (GENERAL, 0.03), "code": (code, 0.02)}, **ASK)
    assert both.p_constraint <= recommended.p_constraint
    assert both.predicted["code"].loss <= 1.02 * code


def test_unknown_corpus_and_bad_confidence_are_refused(fits):
    with pytest.raises(LawError, match="law was fitted for 'poems'"):
        recommend_tradeoff(fits, constraint={"poems": (4.0, 0.03)}, **ASK)
    with pytest.raises(LawError, match="confidence"):
        recommend_tradeoff(fits, constraint={}, confidence=1.0, **ASK)
