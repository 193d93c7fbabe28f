import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.design.axes import axis_of, places
from sweeper.design.kernel import Prior, Rows, covariance, variance
from sweeper.design.surface import Surface, tame

AXES = (axis_of("method", ["full", "lora"]), axis_of("rate", [1e-4, 1e-2]))


def rows(count: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, count), rng.random(count)]).astype(float)
    return Rows(x, np.log(rng.uniform(0.1, 1.0, count)), rng.integers(0, 5, count))


def test_a_covariance_is_symmetric_and_has_no_negative_eigenvalue() -> None:
    theta = Prior.of(AXES).draw(4, np.random.default_rng(1))
    found = covariance(AXES, theta, rows(30), rows(30))
    assert np.allclose(found, np.swapaxes(found, 1, 2))
    assert np.linalg.eigvalsh(found).min() > -1e-9 * found.max()


def test_the_variance_is_the_covariance_s_diagonal() -> None:
    theta = Prior.of(AXES).draw(4, np.random.default_rng(1))
    at = rows(20)
    diagonal = np.diagonal(covariance(AXES, theta, at, at), axis1=1, axis2=2)
    assert np.allclose(diagonal, variance(AXES, theta, at))


def test_follows_what_was_measured_and_is_unsure_elsewhere() -> None:
    surface = Surface(AXES, seed=0)
    at = Rows(np.array([[0.0, k / 8] for k in range(5)]), np.zeros(5), np.arange(5))
    losses = 3.0 + at.x[:, 1] ** 2
    surface.learn(at, losses)
    near, spread_near = surface.levels(Rows(at.x, at.u, np.full(5, -1)))
    _, spread_far = surface.levels(Rows(np.array([[1.0, 1.0]]), np.zeros(1), np.full(1, -1)))
    assert np.allclose(near, losses, atol=0.05)
    assert spread_far[0] > 2 * spread_near.max()


def test_extrapolates_a_curve_with_room_for_doubt() -> None:
    surface = Surface(AXES, seed=0)
    u = np.log([0.05, 0.1, 0.2, 0.4])
    x = np.array([[0.0, 0.5]] * 4 + [[0.0, 0.4]] * 4)
    known = Rows(x, np.concatenate([u, u]), np.repeat([0, 1], 4))
    surface.learn(known, np.concatenate([3.0 - 0.1 * u, 3.1 - 0.1 * u]))
    mean, spread = surface.levels(Rows(np.array([[0.0, 0.5]]), np.zeros(1), np.array([0])))
    assert abs(mean[0] - 3.0) < 2 * spread[0]
    assert spread[0] > 0.005


def test_a_supposed_measurement_lowers_the_doubt_and_keeps_the_mean() -> None:
    surface, known = Surface(AXES, seed=0), rows(12)
    losses = 3.0 + 0.3 * known.x[:, 1]
    surface.learn(known, losses)
    asked = Rows(np.array([[1.0, 0.9]]), np.zeros(1), np.array([-1]))
    mean, spread = surface.levels(asked)
    surface.suppose(known.and_then(asked), np.concatenate([losses, mean]))
    again, less = surface.levels(asked)
    assert less[0] < spread[0]
    assert again[0] == pytest.approx(mean[0], abs=0.3 * spread[0] + 1e-6)


def test_worlds_agree_with_the_pooled_moments() -> None:
    surface, known = Surface(AXES, seed=0), rows(12)
    surface.learn(known, 3.0 + 0.3 * known.x[:, 1])
    asked = Rows(rows(3, seed=5).x, np.zeros(3), np.full(3, -1))
    mean, spread = surface.levels(asked)
    worlds = surface.draws(asked, 12_000, np.random.default_rng(0))
    assert worlds.mean(axis=0) == pytest.approx(mean, abs=5 * spread.max() / 100)
    assert worlds.std(axis=0) == pytest.approx(spread, rel=0.1)


@given(st.lists(st.floats(1.0, 50.0), min_size=2, max_size=30))
def test_taming_keeps_the_order(losses: list[float]) -> None:
    given = np.array(losses)
    tamed = tame(given)
    order = np.argsort(given, kind="stable")
    assert np.all(np.diff(tamed[order]) >= -1e-12)
    assert np.all(tamed <= given + 1e-12)


def test_axes_place_values_by_their_spacing_and_absent_ones_in_the_middle() -> None:
    found = places(AXES, [{"method": "full", "rate": 1e-3}, {"method": "lora"}])
    assert found == pytest.approx(np.array([[0.0, 0.5], [1.0, 0.5]]))
