import numpy as np
import pytest

from tests.laws.engine.curves import evidence, points

CASES = {
    "one size": evidence(),
    "two sizes": evidence(points(sizes=(0.0, 1.0))),
    "base unknown": evidence(base_known=False),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_agrees_with_differences(name, seed):
    case = CASES[name]
    low, high = case.bounds
    at = np.clip(np.random.default_rng(seed).normal(0, 0.5, len(low)), low + 0.01, high - 0.01)
    exact = case.value_and_gradient(at)[1]
    for i, unit in enumerate(np.eye(len(at))):
        slope = (case.value(at + 1e-5 * unit) - case.value(at - 1e-5 * unit)) / 2e-5
        assert exact[i] == pytest.approx(slope, rel=1e-3, abs=1e-2)


@pytest.mark.parametrize("name", CASES)
def test_value_is_that_of_the_gradient(name):
    at = np.full(len(CASES[name].means), 0.2)
    assert CASES[name].value(at) == pytest.approx(CASES[name].value_and_gradient(at)[0], rel=1e-9)


def test_value_is_the_density_of_a_normal_distribution():
    from scipy.stats import multivariate_normal

    case, at = CASES["one size"], np.full(10, 0.1)
    covariance, residual = case.covariance(at)
    density = multivariate_normal(np.zeros(len(residual)), covariance).logpdf(residual)
    constant = 0.5 * len(residual) * np.log(2 * np.pi)
    assert case.value(at) == pytest.approx(-density - constant + 0.5 * at @ at)


def test_whitening_run_by_run_is_that_of_the_whole():
    case = CASES["two sizes"]
    scales = np.array([0.01, 0.004, 0.002])
    whole = scales[1] ** 2 * case.luck + np.diag(case.noise_variance(scales))
    columns = np.random.default_rng(0).normal(size=(len(case.y), 3))
    white = case.whitened(scales, columns)
    assert white.T @ white == pytest.approx(columns.T @ np.linalg.solve(whole, columns))


def test_rows_left_out_are_gone_from_everything():
    case = CASES["one size"]
    keep = case.design.points.share != 0.5
    fewer = case.rows(keep)
    assert len(fewer.y) == len(fewer.design.wander) == len(fewer.luck) == keep.sum()


def test_luck_is_shared_within_a_run_only_and_starts_at_nothing():
    case = CASES["one size"]
    other = case.run[:, None] != case.run[None, :]
    assert np.all(case.luck[other] == 0)
    assert np.all(np.diag(case.luck) < 1) and np.all(np.linalg.eigvalsh(case.luck) > -1e-9)
