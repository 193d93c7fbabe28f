import numpy as np
import pytest

from benchmarks.laws_speed import by_least_squares, by_minimize, import_seconds, work_of
from sweeper.laws.engine.descent import fit_groups


@pytest.fixture(scope="module")
def work():
    return work_of(1)


@pytest.mark.parametrize("side", [by_minimize, by_least_squares])
def test_every_side_minimises_the_same_cost(work, side):
    ours = fit_groups(work.problem, work.weights, work.starts).cost
    assert side(work) == pytest.approx(ours, rel=5e-3)


def test_the_work_is_a_bootstrap_of_whole_runs_from_a_fit_and_a_random_start(work):
    assert work.starts.shape == (1, 2, 9) and work.weights.shape == (1, 540)
    assert np.all(np.ptp(work.weights.reshape(27, 20), axis=1) == 0)


def test_import_is_timed_without_numpy_and_scipy():
    row = import_seconds()
    assert 0 < row.ours < 5 and row.tolerance == 0.3
