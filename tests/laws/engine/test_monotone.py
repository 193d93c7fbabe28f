from dataclasses import replace

import numpy as np
import pytest

from sweeper.laws.engine.descent import fit_groups, log_residuals
from sweeper.laws.engine.monotone import breach_of, falling_over, rise_slopes, rises
from tests.laws.engine.straight import straight_problem

SHARE = np.linspace(0, 1, 5)


def test_a_falling_law_has_no_breach():
    problem = straight_problem(SHARE, 3 - SHARE)
    assert breach_of(problem.law, np.array([3.0, -1.0, 1.0]), problem.points) is None


def test_a_breach_says_where_the_law_rises_most():
    problem = straight_problem(SHARE, 2 + SHARE)
    found = breach_of(problem.law, np.array([2.0, 1.0, 1.0]), problem.points)
    assert found.part == 1.0 and found.share == 0.0
    assert found.rise == pytest.approx(np.log(1 + 1 / 32))
    assert "100% of the measured range" in found.text and "3.08%" in found.text


def test_rises_have_the_derivatives_that_differences_say():
    problem = straight_problem(SHARE, 2 + SHARE, bent=True)
    falling, params, step = falling_over(problem.points), np.array([[2.0, 0.7, 1.3]]), 1e-6
    slopes = rise_slopes(problem.law, falling, params)[0]
    for i in range(3):
        moved = params + step * np.eye(3)[i]
        difference = (rises(problem.law, falling, moved) - rises(problem.law, falling, params))[0] / step
        assert slopes[:, i] == pytest.approx(difference, abs=1e-5)


def test_a_fit_that_must_fall_does_not_rise():
    problem = straight_problem(SHARE, 2 + 0.1 * SHARE, bent=True)
    starts = problem.law.starts(np.random.default_rng(0), 10)[None]
    ones = np.ones((1, len(SHARE)))
    free = fit_groups(problem, ones, starts).params[0]
    bound = fit_groups(replace(problem, falling=falling_over(problem.points)), ones, starts).params
    assert breach_of(problem.law, free, problem.points).rise > 2e-3
    breach = breach_of(problem.law, bound[0], problem.points)
    assert breach is None or breach.rise < 1e-4
    assert np.abs(log_residuals(problem, bound)).max() < 0.05
