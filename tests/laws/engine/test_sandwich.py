import numpy as np
import pytest

from sweeper.laws.engine.descent import fit_groups
from sweeper.laws.engine.sandwich import curvature_at, sandwich
from tests.laws.engine.straight import straight_problem


def fitted(problem):
    starts = problem.law.starts(np.random.default_rng(0), 4)[None]
    return fit_groups(problem, np.ones((1, len(problem.points))), starts, 200).params[0]


def noisy(rng, sd, common=0.0, runs=40, rows=5):
    share = np.repeat(np.linspace(0, 1, runs), rows)
    noise = rng.normal(0, sd, runs * rows) + np.repeat(rng.normal(0, common, runs), rows)
    loss = (2 + 0.5 * share) * np.exp(noise)
    return straight_problem(share, loss), np.repeat(np.arange(runs), rows)


@pytest.mark.parametrize(("sd", "common"), [(0.0004, 0.0), (0.01, 0.0), (0.001, 0.005)])
def test_standard_errors_are_the_spread_of_refitted_tables(sd, common):
    rng = np.random.default_rng(1)
    fits, errors = [], []
    for _ in range(60):
        problem, runs = noisy(rng, sd, common)
        fits.append(fitted(problem)[:2])
        errors.append(np.sqrt(np.diag(sandwich(problem, fitted(problem), runs)))[:2])
    assert np.mean(errors, axis=0) == pytest.approx(np.std(fits, axis=0), rel=0.25)


def test_rows_that_share_their_run_s_luck_count_as_one():
    problem, runs = noisy(np.random.default_rng(0), 0.0001, 0.005)
    params = fitted(problem)
    by_run = np.diag(sandwich(problem, params, runs))[:2]
    by_row = np.diag(sandwich(problem, params, np.arange(len(runs))))[:2]
    assert np.all(by_run > 3 * by_row)


def test_what_is_fixed_or_on_a_bound_has_no_error():
    share = np.linspace(0, 1, 30)
    loss = (2 - 0.5 * share) * np.exp(np.random.default_rng(0).normal(0, 0.01, 30))
    problem = straight_problem(share, loss, lowest=0.0)
    covariance = sandwich(problem, fitted(problem), np.arange(30))
    assert covariance[0, 0] > 0
    assert np.all(covariance[1:] == 0)


def test_dispersion_of_gaussian_rows_within_delta_is_their_variance():
    rng = np.random.default_rng(3)
    problem, runs = noisy(rng, 2e-4, runs=400, rows=1)
    assert curvature_at(problem, fitted(problem), runs).dispersion == pytest.approx(4e-8, rel=0.2)


def test_with_few_runs_it_is_the_jackknife_over_them():
    problem, runs = noisy(np.random.default_rng(5), 5e-5, 2e-4, runs=6, rows=3)
    params = fitted(problem)
    without = np.array([weighted(problem, runs != run) for run in range(6)])
    jackknife = 5 / 6 * np.sum((without - params) ** 2, axis=0)
    assert np.diag(sandwich(problem, params, runs))[:2] == pytest.approx(jackknife[:2], rel=0.02)


def weighted(problem, rows):
    starts = problem.law.starts(np.random.default_rng(0), 4)[None]
    return fit_groups(problem, rows[None].astype(float), starts, 200).params[0]
