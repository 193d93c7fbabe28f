import numpy as np
import pytest

from sweeper.laws.engine.objective import HUBER_SIGMAS, cost_of, huber, log_residuals, robust_weights
from tests.laws.engine.straight import straight_problem

PARAMS = np.array([[2.0, 0.5, 1.0]])


def test_huber_beyond_a_row_s_own_delta_is_linear():
    assert huber(np.array([1.0, 3.0]), np.array([2.0, 2.0])) == pytest.approx([0.5, 2 * (3 - 1)])


def test_cost_of_hand_computed_residuals_and_prior():
    problem = straight_problem([0.0, 1.0], [2.0, 2.5], prior_sd=0.25)
    problem.log_loss[:] -= np.array([0.0005, 0.01])
    residuals = log_residuals(problem, PARAMS)
    cost = cost_of(problem, problem.law.space(), np.ones((1, 2)), PARAMS, residuals)
    assert cost == pytest.approx([0.125e-6 + 1e-3 * 0.0095 + 0.5 * 3e-6 * 4])


def test_standard_errors_make_the_cost_a_log_likelihood():
    problem = straight_problem([0.0, 1.0], [2.0, 2.5], stderr=np.array([0.01, 0.02]))
    problem.log_loss[:] += 0.01
    residuals = log_residuals(problem, PARAMS)
    cost = cost_of(problem, problem.law.space(), problem.counts[None], PARAMS, residuals)
    assert cost == pytest.approx([0.5 * 1.0 + 0.5 * 0.25])
    assert robust_weights(problem, residuals * 10) == pytest.approx(np.array([[HUBER_SIGMAS / 10, HUBER_SIGMAS / 5]]))


def test_robust_weights_are_one_within_delta():
    problem = straight_problem([0.0, 1.0], [2.0, 2.5])
    assert robust_weights(problem, np.array([[0.0009, -0.004]])) == pytest.approx(np.array([[1.0, 0.25]]))
