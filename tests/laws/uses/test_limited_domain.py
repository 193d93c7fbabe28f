import numpy as np
import pytest

from sweeper.laws import LawError, recommend_limited_domain
from tests.laws.uses.known_laws import KnownLaws


def code(params, tokens, ratio):
    """With 1e5 / r tokens: 2 + 0.1/r + 0.4 r, least at r = 0.5."""
    return 2 + 0.1 / ratio + 0.4e5 / tokens


def general(params, tokens, ratio):
    return 2 + 0.2 * ratio


def laws(**options):
    return KnownLaws({"code": code, "general": general}, {"general": 2.0, "code": 3.0}, tokens=1e6, **options)


def ask(laws, **options):
    return recommend_limited_domain(laws, **{"target": "code", "domain_tokens": 1e5, "params": 1e6, **options})


def test_the_best_ratio_weighs_tokens_against_share():
    found = ask(laws())
    assert found.domain_ratio == pytest.approx(0.5, abs=0.005)
    assert found.tokens == pytest.approx(1e5 / found.domain_ratio)
    assert found.predicted["code"].loss == pytest.approx(2.4, abs=1e-3)
    assert found.use == "limited-domain" and found.regret == pytest.approx(0.0, abs=1e-9)


def test_every_option_of_the_curve_uses_the_same_domain_tokens():
    curve = ask(laws()).curve
    assert np.multiply(curve.tokens, curve.domain_ratio) == pytest.approx(np.full(len(curve.tokens), 1e5))


def test_a_constraint_moves_the_ratio():
    found = ask(laws(), constraint={"general": (2.0, 0.03)})
    assert found.domain_ratio == pytest.approx(0.3, abs=0.003)
    assert found.binds


def test_ratios_that_need_more_than_twice_the_measured_tokens_are_left_out_and_said():
    found = ask(KnownLaws({"code": code}, tokens=6e4))
    assert min(found.curve.domain_ratio) == pytest.approx(1e5 / 1.2e5, abs=0.003)
    assert found.extrapolation <= 2.0 and found.trust == []
    assert any("twice" in note or "2 times the measured tokens: they were left out" in note for note in found.notes)


def test_where_none_is_within_reach_the_nearest_is_given_and_not_trusted():
    found = ask(KnownLaws({"code": code}, tokens=1e4))
    assert found.domain_ratio == 1.0
    assert any("Extrapolation: 10 times" in word for word in found.trust)


def test_tokens_interval_belongs_to_the_ratio_interval():
    found = ask(laws(spread=0.02), constraint={"general": (2.0, 0.03)})
    assert found.tokens_interval[0] <= found.tokens <= found.tokens_interval[1]
    assert found.interval[0] < found.domain_ratio < found.interval[1]


def test_another_target_and_no_domain_text_are_refused():
    with pytest.raises(LawError, match="target: the share of 'general'"):
        ask(laws(), target="general")
    with pytest.raises(LawError, match="no ratio above 0"):
        ask(laws(ratio_range=(0.0, 0.0)))
    with pytest.raises(LawError, match="tokens"):
        ask(laws(), domain_tokens=0)


def test_repeated_text_is_passed_over_as_often_as_it_pays():
    once, often = ask(laws(worth=0.5)), ask(laws(worth=0.5), max_epochs=4)
    assert once.epochs == 1.0 and often.epochs == pytest.approx(4.0)
    # with 4e5 / r tokens worth 2.5e5 / r: 2 + 0.1/r + 0.16 r, least at r = 0.79
    assert often.domain_ratio == pytest.approx(np.sqrt(0.1 / 0.16), abs=0.01)
    assert often.tokens == pytest.approx(4e5 / often.domain_ratio)
    assert often.predicted["code"].loss < once.predicted["code"].loss
    assert np.multiply(often.curve.tokens, often.curve.domain_ratio) == pytest.approx(
        np.full(len(often.curve.tokens), 4e5)
    )


def test_laws_that_take_repeated_text_for_fresh_are_refused():
    with pytest.raises(LawError, match="max_epochs: the law of code takes repeated text for fresh"):
        ask(laws(worth=1.0), max_epochs=2)
    with pytest.raises(LawError, match=r"max_epochs: 0\.5 is not allowed"):
        ask(laws(), max_epochs=0.5)
