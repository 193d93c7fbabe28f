import json

import numpy as np
import pytest

from sweeper.laws import LawError, critical_ratio
from tests.laws.uses.known_laws import KnownLaws


def general(params, tokens, ratio):
    """At a bound of 0.05 nats the critical ratio is tokens / 4e5."""
    return 2 + 0.2 * ratio * 1e5 / tokens


def code(params, tokens, ratio):
    """Falls below its base loss of 3 from a share of 0.1 on."""
    return 3.1 - ratio


def laws(**options):
    return KnownLaws({"code": code, "general": general}, **{"base_losses": {"general": 2.0, "code": 3.0}, **options})


def ask(laws, **options):
    bound = {} if "max_increase" in options else {"max_increase_nats": 0.05}
    return critical_ratio(laws, **{"corpus": "general", "tokens": [1e5, 2e5], "params": 1e6, **bound, **options})


def test_the_critical_ratio_is_where_the_general_loss_meets_its_bound():
    found = ask(laws())
    assert [point.domain_ratio for point in found.points] == pytest.approx([0.25, 0.5], abs=0.003)
    assert [point.tokens for point in found.points] == [1e5, 2e5]
    assert found.limit == pytest.approx(2.05) and found.base_loss == 2.0


def test_a_bound_as_a_part_of_the_base_loss_is_the_same():
    assert ask(laws(), max_increase=0.025).points[0].domain_ratio == pytest.approx(0.25, abs=0.003)


def test_a_domain_loss_that_does_not_fall_leaves_no_critical_ratio():
    found = ask(laws(), tokens=[0.3e5])
    assert found.points[0].domain_ratio is None and found.points[0].interval is None
    assert found.points[0].p_feasible == 0.0


def test_without_a_base_loss_of_the_target_only_the_bound_counts_and_that_is_said():
    found = ask(laws(base_losses={"general": 2.0}), tokens=[0.3e5])
    assert found.points[0].domain_ratio == pytest.approx(0.075, abs=0.003)
    assert any("code has no base loss" in note for note in found.notes)


def test_intervals_and_probability_come_from_the_draws():
    point = ask(laws(spread=0.005), tokens=[1e5]).points[0]
    spread = 1.645 * 0.005 * 2.05 / 0.2
    assert point.interval == pytest.approx((0.25 - spread, 0.25 + spread), abs=0.012)
    assert point.p_constraint == pytest.approx(0.5, abs=0.08)
    assert 0 < point.regret < spread


def test_confidence_stays_further_inside():
    unsure = laws(spread=0.003, noise=0.003)
    careful = ask(unsure, tokens=[1e5], confidence=0.9).points[0]
    assert careful.p_constraint >= 0.9
    assert careful.domain_ratio < ask(unsure, tokens=[1e5]).points[0].domain_ratio - 0.03


def test_a_ratio_at_the_edge_and_far_tokens_are_said():
    found = ask(laws(ratio_range=(0.0, 0.4)), tokens=[1e5, 3e5])
    assert found.points[1].domain_ratio == 0.4
    assert any("The largest ratio considered, 0.4, is feasible" in note for note in found.notes)
    assert found.points[0].trust == [] and any("3 times" in word for word in found.points[1].trust)
    assert found.trust == found.points[1].trust


def test_the_answer_is_plain_json():
    data = json.loads(json.dumps(ask(laws()).to_dict(), allow_nan=False))
    assert data["points"][0]["domain_ratio"] == pytest.approx(0.25, abs=0.003)
    assert np.all(np.diff([point["domain_ratio"] for point in data["points"]]) > 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_increase": 0.03, "max_increase_nats": 0.05}, "give either"),
        ({"max_increase_nats": None}, "give either"),
        ({"tokens": []}, "tokens: none"),
        ({"corpus": "code"}, "the target itself"),
        ({"corpus": "poems"}, "no law was fitted"),
        ({"confidence": 1.0}, "confidence"),
        ({"max_increase_nats": -3.0}, "both above 0"),
    ],
)
def test_questions_without_an_answer_are_refused(options, words):
    with pytest.raises(LawError, match=words):
        ask(laws(), **options)
