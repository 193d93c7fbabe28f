import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from sweeper.laws.engine.descent import fit_groups
from sweeper.laws.engine.objective import log_residuals
from sweeper.laws.engine.projection import bounded_solution, linear_columns, projected
from tests.laws.engine.straight import straight_problem

SHARE = [0.0, 0.25, 0.5, 1.0]


def solved(problem, start):
    start = np.array([start], dtype=float)
    ones = np.ones((1, len(problem.points)))
    params, residuals = projected(problem, problem.law.space(), ones, start, 0 * ones)
    assert residuals == pytest.approx(log_residuals(problem, params))
    return params[0]


def test_linear_parameters_of_an_exact_line_are_found_at_once():
    problem = straight_problem(SHARE, [2 + 0.5 * r for r in SHARE])
    assert solved(problem, [9.0, -3.0, 1.0]) == pytest.approx([2.0, 0.5, 1.0])


def test_other_parameters_stay_as_they_are():
    problem = straight_problem(SHARE, [2 + 0.5 * r for r in SHARE], bent=True)
    assert solved(problem, [1.0, 0.0, 1.7])[2] == 1.7


def test_a_slope_that_wants_below_its_bound_stays_on_it():
    problem = straight_problem(SHARE, [2 - 0.5 * r for r in SHARE], lowest=0.0)
    level, slope, _ = solved(problem, [1.0, 1.0, 1.0])
    measured = np.array([2 - 0.5 * r for r in SHARE])
    assert slope == 0.0
    assert level == pytest.approx(np.sum(1 / measured) / np.sum(1 / measured**2))


def test_a_prior_pulls_a_linear_parameter():
    loss = [2 + 0.5 * r for r in SHARE]
    stderr = np.full(4, 0.1)
    free = solved(straight_problem(SHARE, loss, stderr=stderr), [1, 0, 1])[1]
    pulled = solved(straight_problem(SHARE, loss, stderr=stderr, prior_sd=0.05), [1, 0, 1])[1]
    assert 0 < pulled < 0.2 < free
    elsewhere = straight_problem(SHARE, loss, stderr=stderr, prior_sd=1e-4, prior_mean=-0.7)
    assert solved(elsewhere, [1, 0, 1])[1] == pytest.approx(-0.7, abs=1e-3)


def test_linear_columns_are_those_the_law_names():
    assert linear_columns(straight_problem(SHARE, [2.0] * 4).law).tolist() == [0, 1]


@given(st.integers(0, 10_000))
def test_bounded_solution_is_no_worse_than_any_bound_and_satisfies_them(seed):
    rng = np.random.default_rng(seed)
    matrix, right = rng.normal(size=(6, 3)), rng.normal(size=6)
    normal, moment = (matrix.T @ matrix)[None], (matrix.T @ right)[None]
    ours = bounded_solution(normal, moment, np.zeros(3), np.full(3, 1e9))[0]
    assert np.all(ours >= 0)
    best = np.linalg.norm(matrix @ nnls(matrix, right)[0] - right)
    assert np.linalg.norm(matrix @ ours - right) <= np.linalg.norm(right) + 1e-9
    free = np.linalg.solve(normal[0], moment[0])
    if np.all(free >= 0):
        assert np.linalg.norm(matrix @ ours - right) == pytest.approx(best)


def test_every_random_start_reaches_the_same_bent_line():
    share = np.linspace(0.02, 1, 30)
    problem = straight_problem(share, 2 + 0.5 * share**1.4, bent=True)
    starts = problem.law.starts(np.random.default_rng(0), 20)
    each = fit_groups(problem, np.ones((20, 30)), starts[:, None], iterations=30)
    assert np.abs(each.params - [2.0, 0.5, 1.4]).max() < 1e-2
    assert np.abs(log_residuals(problem, each.params)).max() < 1e-3


def test_few_steps_are_enough_near_a_minimum():
    share = np.linspace(0.02, 1, 30)
    problem = straight_problem(share, 2 + 0.5 * share**1.4, bent=True)
    found = fit_groups(problem, np.ones((1, 30)), np.array([[[1.0, 1.0, 0.6]]]), iterations=7)
    assert np.abs(log_residuals(problem, found.params)).max() < 1e-4


def test_steps_that_overshoot_are_shortened():
    share = np.geomspace(1e-3, 1, 40)
    problem = straight_problem(share, 2 + 4 * share**0.55, bent=True, lowest=0.0)
    found = fit_groups(problem, np.ones((1, 40)), np.array([[[0.0, 0.0, 2.0]]]), iterations=60)
    assert np.abs(log_residuals(problem, found.params)).max() < 1e-3
