import numpy as np
import pytest

from sweeper.laws import fit, recommend_tradeoff
from tests.laws.simulated_cpt import dcpt_truth, simulated_table
from tests.laws.uses.known_laws import KnownLaws


def laws(**options):
    losses = {"code": lambda n, d, r: 3 - r, "general": lambda n, d, r: 2 * (1 + 0.1 * r)}
    return KnownLaws(losses, {"general": 2.0}, **options)


def words(laws, increase=0.03, **options):
    limit = {"constraint": {"general": (2.0, increase)}}
    return recommend_tradeoff(laws, **{"target": "code", "tokens": 1e5, "params": 1e6, **limit, **options}).trust


def changed(name, **attributes):
    """Laws whose fit of one corpus has other attributes."""
    made = laws()
    for attribute, value in attributes.items():
        setattr(made.corpora[name], attribute, value)
    return made


def test_nothing_found_is_nothing_said():
    assert words(laws()) == []


def test_few_ratios_and_few_rows_are_said():
    assert words(changed("general", ratios=(0.2, 0.8))) == [
        "Too few points: general was measured at 2 ratios, a law needs 3."
    ]
    assert words(changed("code", rows=6)) == ["Too few points: code has 6 measurements, a law needs 12."]


def test_a_held_out_error_above_half_the_allowed_increase_is_said():
    assert words(changed("general", held_out_at=lambda ratio: 0.014)) == []
    (said,) = words(changed("general", held_out_at=lambda ratio: 0.016))
    assert "general is 1.6% off, and the constraint is 3.0%" in said


def test_a_target_whose_ratios_cannot_be_told_apart_is_said():
    quarter = 0.25 * np.log(3 / 2)
    assert words(changed("code", held_out_at=lambda ratio: 0.99 * quarter)) == []
    (said,) = words(changed("code", held_out_at=lambda ratio: 1.01 * quarter))
    assert "code is 10.2% off" in said and "changes by 40.5%" in said


def test_a_held_out_error_is_that_near_the_recommended_ratio():
    asked = []
    words(changed("general", held_out_at=lambda ratio: asked.append(ratio)))
    assert asked == [pytest.approx(0.3, abs=0.003)]


def test_far_tokens_are_said():
    assert any("Extrapolation: 3 times" in word for word in words(laws(), tokens=3e5))
    assert words(laws(), tokens=2e5) == []


def test_constraints_that_cannot_hold_or_never_bind_are_said():
    assert any("No ratio holds the constraint: the nearest is predicted" in word for word in words(laws(), -0.3))
    assert any("never binds" in word for word in words(laws(), 0.5))


def test_confidence_out_of_reach_is_said():
    assert any("with probability 0.999" in word for word in words(laws(noise=0.005), 0.004, confidence=0.999))


def test_low_probability_is_said():
    lopsided = laws(spread=0.01)
    given = lopsided.predict

    def worse(*arguments, **options):
        found = given(*arguments, **options)
        found.samples[...] *= 1.01
        return found

    lopsided.predict = worse
    (said,) = words(lopsided)
    assert "predicted to hold with a probability of 0." in said and float(said.split()[-2]) < 0.4


def test_fitted_laws_of_a_good_table_are_trusted():
    table = simulated_table(dcpt_truth, sizes=(1.3e6,), ratios=(0.0, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1.0))
    fits = fit(table, law="dcpt", bootstrap=20)
    limit = {"general": (dcpt_truth("general", 1.3e6, 160e3, 0.5) / 1.03, 0.03)}
    found = recommend_tradeoff(fits, target="code", constraint=limit, tokens=160e3, params=1.3e6)
    assert found.trust == []
    assert found.domain_ratio == pytest.approx(0.5, abs=0.02)
