import numpy as np
import pytest

from sweeper.laws import DCpt
from sweeper.laws.engine.descent import HUBER_DELTA, Problem, fit_groups, huber, log_residuals
from sweeper.laws.forms.law import frame_of
from sweeper.laws.tables.points import points_of
from tests.laws.simulated_cpt import dcpt_truth, simulated_table


@pytest.fixture(scope="module")
def problem():
    table = simulated_table(dcpt_truth, noise=0.0, replicates=0)
    rows = table.rows((table.tokens > 0) & (table.corpus == "code"))
    points = points_of(rows)
    return Problem(DCpt(frame_of(points, rows.loss)), points, np.log(rows.loss))


def solve(problem, weights, starts=24):
    points = problem.law.starts(np.random.default_rng(0), starts)
    return fit_groups(problem, weights, np.stack([points] * len(weights)), iterations=300)


def test_huber_of_hand_computed_residuals():
    assert huber(np.array([0.5e-3, -0.5e-3])) == pytest.approx([0.125e-6, 0.125e-6])
    assert huber(np.array([0.01])) == pytest.approx([HUBER_DELTA * 0.0095])


def test_noiseless_truth_is_fitted_closely(problem):
    fitted = solve(problem, np.ones((1, len(problem.points))))
    assert np.sqrt(np.mean(log_residuals(problem, fitted.params) ** 2)) < 1e-3


def test_rows_of_weight_zero_do_not_matter(problem):
    weights = np.ones((1, len(problem.points)))
    weights[0, ::7] = 0
    spoilt = problem.log_loss.copy()
    spoilt[::7] += 5.0
    clean = solve(problem, weights)
    assert solve(Problem(problem.law, problem.points, spoilt), weights).params == pytest.approx(clean.params)


def test_one_outlier_moves_the_others_little(problem):
    spoilt = problem.log_loss.copy()
    spoilt[10] += 0.3
    fitted = solve(Problem(problem.law, problem.points, spoilt), np.ones((1, len(spoilt))))
    others = np.delete(log_residuals(problem, fitted.params)[0], 10)
    assert np.sqrt(np.mean(others**2)) < 3e-3


def test_parameters_stay_within_bounds(problem):
    space = problem.law.space()
    rng = np.random.default_rng(1)
    noisy = Problem(problem.law, problem.points, problem.log_loss + rng.normal(0, 0.5, len(problem.points)))
    params = solve(noisy, np.ones((2, len(problem.points)))).params
    assert np.all((params >= space.lower) & (params <= space.upper))


def test_members_of_a_batch_do_not_influence_each_other(problem):
    rng = np.random.default_rng(2)
    weights = rng.integers(0, 3, (3, len(problem.points))).astype(float)
    together = solve(problem, weights, 4).params
    assert together[1] == pytest.approx(solve(problem, weights[1:2], 4).params[0], rel=1e-6)


def test_emphasis_counts_as_row_weights_do(problem):
    weights = np.linspace(0.2, 1.0, len(problem.points))
    ones = np.ones((1, len(weights)))
    emphasised = Problem(problem.law, problem.points, problem.log_loss, weights)
    assert solve(emphasised, ones, 4).params == pytest.approx(solve(problem, weights[None], 4).params)
