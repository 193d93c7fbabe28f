import numpy as np
import pytest

from sweeper.design.saving import Goal, hinge, regret, savings
from sweeper.design.surface import Prospect

PLAIN = Goal("domain")


def prospect(mean: list[float], spread: list[float], shift: list[list[float]]) -> Prospect:
    return Prospect(np.array(mean), np.array(spread), np.array(shift))


def test_two_decisions_save_what_the_normal_loss_function_says() -> None:
    # One measurement moves the second decision by one standard deviation: the gain is E[max(0, z)] = 1 / sqrt(2 pi).
    gain = savings(PLAIN, (prospect([0.0, 0.0], [0.0, 1.0], [[0.0, 1.0]]),))
    assert gain[0] == pytest.approx(1 / np.sqrt(2 * np.pi), rel=0.05)


def test_a_measurement_that_says_nothing_saves_nothing() -> None:
    assert savings(PLAIN, (prospect([3.0, 3.1], [0.1, 0.1], [[0.0, 0.0]]),))[0] == 0


def test_a_measurement_that_moves_all_alike_saves_nothing() -> None:
    assert savings(PLAIN, (prospect([3.0, 3.1], [0.1, 0.1], [[0.1, 0.1]]),))[0] == pytest.approx(0, abs=1e-12)


def test_the_doubt_about_a_limit_is_worth_measuring() -> None:
    goal = Goal("domain", "general", limit=3.0, penalty=5.0)
    domain = prospect([3.0, 3.2], [0.0, 0.0], [[0.0, 0.0]])
    general = prospect([2.99, 2.8], [0.1, 0.0], [[0.1, 0.0]])
    assert savings(goal, (domain, general))[0] > 0.01


def test_a_hinge_is_the_mean_of_what_lies_above() -> None:
    draws = np.maximum(0.3 + 0.5 * np.random.default_rng(0).standard_normal(200_000), 0)
    assert hinge(np.array([0.3]), np.array([0.5]))[0] == pytest.approx(draws.mean(), rel=0.01)
    assert hinge(np.array([0.3, -0.3]), np.zeros(2)) == pytest.approx([0.3, 0.0])


def test_regret_is_the_mean_of_what_the_best_world_by_world_would_save() -> None:
    worlds = np.array([[1.0, 2.0], [2.0, 1.0]])
    assert regret(PLAIN, (worlds,), 0) == pytest.approx(0.5)
