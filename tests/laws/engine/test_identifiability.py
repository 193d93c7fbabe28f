import numpy as np
import pytest

from sweeper.laws.engine.identifiability import identifiability
from sweeper.laws.engine.sandwich import curvature_at
from tests.laws.engine.straight import straight_problem

NONE = np.empty((0, 3))


def asked(share, samples=NONE, **options):
    share = np.asarray(share)
    loss = (2 + 0.5 * share) * np.exp(np.random.default_rng(0).normal(0, 5e-4, len(share)))
    problem = straight_problem(share, loss, **options)
    params = np.array([2.0, 0.5, 1.0])
    return identifiability(problem, curvature_at(problem, params, np.arange(len(share))), samples)


def test_good_data_leave_nothing_open():
    found = asked(np.linspace(0, 1, 50), bent=True)
    assert found.undetermined == found.directions == found.words == ()
    assert max(found.spread.values()) < 0.1


def test_a_single_share_leaves_level_and_slope_open_together():
    found = asked(np.full(50, 0.5), bent=True)
    assert any({"level", "slope"} <= set(direction.names) for direction in found.directions)
    assert all(direction.precision < 1 for direction in found.directions)
    assert any("can change together" in word for word in found.words)


def test_a_power_that_the_data_do_not_bear_is_named():
    found = asked(np.repeat([0.0, 1.0], 25), bent=True)
    assert found.undetermined == ("power",)
    assert found.spread["power"] == pytest.approx(1.0)
    assert found.words == ("The data hardly determine power: what was assumed beforehand does.",)


def test_held_parameters_are_fixed_and_have_no_spread():
    found = asked(np.linspace(0, 1, 50))
    assert found.fixed == ("power",) and "power" not in found.spread


def test_resamples_on_a_bound_are_said():
    samples = np.tile([2.0, 0.5, 2.0], (10, 1))
    samples[:3, 2] = 1.5
    found = asked(np.linspace(0, 1, 50), samples, bent=True)
    assert found.undetermined == ("power",)
    assert found.words == ("power is on a bound in 70% of the resamples: the data do not hold it.",)
