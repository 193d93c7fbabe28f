import json

import numpy as np
import pytest

from sweeper.laws import LawError, recommend_tradeoff
from tests.laws.uses.known_laws import KnownLaws


def code(params, tokens, ratio):
    return 3 - ratio


def general(params, tokens, ratio):
    """A limit of 3 % is met at a ratio of 0.3."""
    return 2 * (1 + 0.1 * ratio)


def laws(**options):
    return KnownLaws({"code": code, "general": general}, **{"base_losses": {"general": 2.0}, **options})


def ask(laws, **options):
    limit = {"constraint": {"general": (2.0, 0.03)}}
    return recommend_tradeoff(laws, **{"target": "code", "tokens": 1e5, "params": 1e6, **limit, **options})


def test_the_ratio_is_where_the_general_loss_meets_the_limit():
    found = ask(laws())
    assert found.domain_ratio == pytest.approx(0.3, abs=0.003)
    assert found.binds and found.holds and found.trust == []
    assert found.predicted["general"].loss <= 2.06 and found.predicted["code"].loss == pytest.approx(2.7, abs=3e-3)
    assert found.use == "tradeoff" and found.tokens_interval is None and found.params_interval is None


def test_interval_and_probability_come_from_the_draws():
    found = ask(laws(spread=0.005))
    # a draw raises the general loss by a factor f, so its limit is met at (1.03 / f - 1) / 0.1
    wide = 1.645 * 0.005 * 1.03 / 0.1
    assert found.interval == pytest.approx((0.3 - wide, 0.3 + wide), abs=0.012)
    assert found.p_constraint == pytest.approx(0.5, abs=0.08)


def test_regret_is_what_knowing_the_draw_would_gain():
    found = ask(laws(spread=0.005))
    # the best ratio of a draw is normal about 0.3 with sd 0.0515, and code falls by 1 nat a unit of ratio
    assert found.regret == pytest.approx(0.0515 / np.sqrt(2 * np.pi), rel=0.15)


def test_noise_of_a_run_is_in_the_probability_but_not_in_the_ratio_s_interval():
    found = ask(laws(noise=0.005))
    assert found.interval == (found.domain_ratio, found.domain_ratio) and found.regret == 0.0
    assert found.p_constraint == pytest.approx(0.5, abs=0.08)
    assert ask(laws(noise=0.005), high=0.2).p_constraint == pytest.approx(0.974, abs=0.02)


def test_confidence_moves_the_ratio_inside():
    unsure = laws(spread=0.003, noise=0.003)
    safe = ask(unsure, confidence=0.9)
    assert safe.p_constraint >= 0.9
    assert safe.domain_ratio < ask(unsure).domain_ratio - 0.03


def test_bounds_limit_the_search():
    assert ask(laws(), low=0.1, high=0.2).domain_ratio == pytest.approx(0.2)
    with pytest.raises(LawError, match="no extrapolation in ratio"):
        ask(laws(ratio_range=(0.0, 0.5)), low=0.7)


def test_without_constraint_the_lowest_target_loss_wins():
    free = ask(laws(), constraint={})
    assert free.domain_ratio == 1.0 and free.p_constraint == 1.0
    assert not free.binds and free.trust == []


def test_impossible_constraint_gives_the_nearest_ratio():
    found = ask(laws(), constraint={"general": (2.0, -0.3)})
    assert found.domain_ratio == 0.0
    assert not found.holds and not found.binds


def test_two_constraints_must_both_hold():
    found = ask(laws(), constraint={"general": (2.0, 0.03), "code": (2.75, 0.0)})
    assert found.domain_ratio == pytest.approx(0.3, abs=0.003)
    assert ask(laws(), constraint={"general": (2.0, 0.03), "code": (2.6, 0.0)}).holds is False


def test_a_base_loss_of_none_is_the_measured_one():
    assert ask(laws(), constraint={"general": (None, 0.03)}) == ask(laws())


def test_confidence_out_of_reach_gives_the_best_of_the_surest():
    found = ask(laws(noise=0.005), constraint={"general": (2.0, 0.004)}, confidence=0.999)
    chances, losses = np.array(found.curve.p_constraint), np.array(found.curve.bands["code"].loss)
    alike = chances >= chances.max() - 0.05
    assert not found.holds and chances.max() < 0.999
    assert found.domain_ratio == found.curve.domain_ratio[int(np.argmin(np.where(alike, losses, np.inf)))] > 0


def test_the_answer_is_plain_json_with_a_curve():
    data = json.loads(json.dumps(ask(laws(spread=0.01)).to_dict(), allow_nan=False))
    curve = data["curve"]
    assert len(curve["domain_ratio"]) == len(curve["bands"]["code"]["loss"]) == len(curve["p_constraint"]) == 401
    assert curve["p_constraint"][0] > curve["p_constraint"][-1]


def test_notes_are_of_the_option_taken_and_say_the_edge():
    found = ask(laws(ratio_range=(0.1, 0.2)))
    assert "1 times" in found.notes
    assert any("at the edge of those searched" in note for note in found.notes)
    assert any("between 0.1 and 0.2" in note for note in found.notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"constraint": {"poems": (4.0, 0.03)}}, "law was fitted for 'poems'"),
        ({"target": "poems"}, "law was fitted for 'poems'"),
        ({"confidence": 1.0}, "confidence"),
        ({"tokens": 0.0}, "tokens: 0 is not allowed"),
        ({"params": float("nan")}, "params"),
    ],
)
def test_questions_without_an_answer_are_refused(options, words):
    with pytest.raises(LawError, match=words):
        ask(laws(), **options)
