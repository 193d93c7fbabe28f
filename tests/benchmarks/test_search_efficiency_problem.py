"""What a table-backed problem says of its settings, and what its accounts charge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.efficiency.problem import PENALTY, Axis, Runs, TableProblem


def two_settings(**changes):
    """Two settings over two checkpoints: the second is lower on the target and above the limit on the other corpus."""
    losses = np.array([[[3.0, 2.0], [2.5, 2.1]], [[2.8, 2.3], [2.4, 2.5]]])
    fields = {
        "name": "two",
        "axes": (Axis("rate", (1e-3, 1e-2), "log"),),
        "settings": ({"rate": 1e-3}, {"rate": 1e-2}),
        "checkpoints": (100, 400),
        "corpora": ("new", "old"),
        "target": "new",
        "losses": losses,
        "noise": 0.0,
        "limited": "old",
        "limit": 2.2,
    }
    return TableProblem(**(fields | changes))


def test_the_excess_over_the_limit_is_paid_for():
    problem = two_settings()
    assert problem.value(0) == 2.5
    assert problem.value(1) == pytest.approx(2.4 + PENALTY * 0.3)
    assert problem.optimum == 2.5
    assert problem.regret(1) == pytest.approx(3.9 / 2.5 - 1)
    assert problem.objective({"new": 2.4, "old": 2.5}) == pytest.approx(problem.value(1))


def test_without_a_limit_the_target_alone_counts():
    assert two_settings(limited=None, limit=None).optimum == 2.4


def test_a_run_pays_for_each_token_once():
    runs = Runs(two_settings(), seed=0)
    runs.measure(0, 100)
    assert (runs.spent, runs.finished(0)) == (100, False)
    runs.measure(0, 400)
    assert (runs.spent, runs.finished(0)) == (400, True)
    runs.measure(0, 100)
    assert (runs.spent, runs.finished(0)) == (400, True)
    runs.measure(1, 100)
    assert runs.spent == 500
    assert two_settings().grid_tokens == 800


@given(st.integers(0, 2**31), st.integers(0, 1), st.sampled_from((100, 400)))
def test_a_measurement_is_a_function_of_seed_setting_and_tokens(seed, setting, tokens):
    problem = two_settings(noise=0.1)
    first = problem.measure(setting, tokens, seed)
    problem.measure(0, 100, seed + 1)
    assert problem.measure(setting, tokens, seed) == first
    assert problem.measure(setting, tokens, seed + 1) != first


def test_noise_has_its_size_and_half_of_it_is_shared_along_a_run():
    problem = two_settings(noise=0.1)
    seen = np.array([[problem.measure(0, t, seed)["new"] for t in (100, 400)] for seed in range(2000)])
    assert seen.std(axis=0) == pytest.approx([0.1, 0.1], rel=0.1)
    assert np.corrcoef(seen.T)[0, 1] == pytest.approx(0.5, abs=0.06)


def test_tokens_between_checkpoints_cannot_be_measured():
    with pytest.raises(ValueError, match="not in tuple"):
        two_settings().measure(0, 200, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkpoints": (100,)}, "shape"),
        ({"checkpoints": (400, 100)}, "rise"),
        ({"losses": np.full((2, 2, 2), np.nan)}, "finite"),
        ({"target": "none"}, "must be corpora"),
        ({"limit": None}, "limit goes with"),
    ],
)
def test_fields_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        two_settings(**changes)
