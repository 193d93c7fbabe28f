import numpy as np
import pytest
from scipy import stats

from sweeper.laws.engine.descent import fit_groups
from sweeper.laws.engine.posterior import posterior
from sweeper.laws.engine.sandwich import curvature_at
from sweeper.laws.engine.student import Student
from tests.laws.engine.straight import straight_problem


def problem_of(sd=0.01, rows=60, **options):
    share = np.linspace(0, 1, rows)
    loss = (2 + 0.5 * share) * np.exp(np.random.default_rng(0).normal(0, sd, rows))
    return straight_problem(share, loss, stderr=np.full(rows, sd), **options)


def drawn(problem, draws=4000):
    rows = len(problem.points)
    starts = problem.law.starts(np.random.default_rng(0), 6)[None]
    params = fit_groups(problem, np.ones((1, rows)), starts, 200).params[0]
    return posterior(problem, params, np.arange(rows), np.random.default_rng(1), draws), params


def grid_density(problem, levels, slopes, dispersion):
    """The same density by brute force over a grid of the two linear parameters."""
    loss, share = np.exp(problem.log_loss), problem.points.share
    predicted = levels[:, None, None] + slopes[None, :, None] * share
    z = np.abs(np.log(predicted / loss)) / problem.stderr
    cost = np.where(z < 1.345, 0.5 * z**2, 1.345 * (z - 0.5 * 1.345)).sum(axis=2)
    density = np.exp(-(cost - cost.min()) / dispersion)
    return density / density.sum()


def test_draws_of_a_line_have_the_moments_of_a_grid():
    problem = problem_of()
    found, params = drawn(problem)
    dispersion = curvature_at(problem, params, np.arange(60)).dispersion
    levels, slopes = np.linspace(1.97, 2.03, 201), np.linspace(0.44, 0.56, 201)
    density = grid_density(problem, levels, slopes, dispersion)
    for axis, values, column in ((1, levels, 0), (0, slopes, 1)):
        marginal = density.sum(axis=axis)
        mean = marginal @ values
        sd = np.sqrt(marginal @ (values - mean) ** 2)
        assert found.samples[:, column].mean() == pytest.approx(mean, abs=0.1 * sd)
        assert found.samples[:, column].std() == pytest.approx(sd, rel=0.06)
    assert found.effective > 2000


def test_a_bent_line_s_power_has_the_moments_of_a_grid():
    """Amplitudes are the looser the nearer the power is to a shape that the level can take: volumes have to count."""
    share = np.linspace(0.3, 1, 12)
    loss = (2 + 0.5 * share**1.2) * np.exp(np.random.default_rng(3).normal(0, 0.02, 12))
    problem = straight_problem(share, loss, bent=True, stderr=np.full(12, 0.02), prior_sd=1.0)
    found, params = drawn(problem, 8000)
    dispersion = curvature_at(problem, params, np.arange(12)).dispersion
    levels, slopes, powers = np.linspace(0, 4, 161), np.linspace(-2.5, 3.5, 161), np.linspace(0.5, 2, 31)
    weight = []
    for power in powers:
        loss_at = levels[:, None, None] + slopes[None, :, None] * share**power
        z = np.abs(np.log(np.maximum(loss_at, 1e-6)) - problem.log_loss) / problem.stderr
        cost = np.where(z < 1.345, 0.5 * z**2, 1.345 * (z - 0.5 * 1.345)).sum(axis=2)
        weight.append(np.exp(-cost / dispersion - 0.5 * slopes**2 - 0.5 * (power - 1) ** 2).sum())
    weight = np.array(weight) * np.r_[0.5, np.ones(29), 0.5]
    weight /= weight.sum()
    mean = weight @ powers
    sd = np.sqrt(weight @ (powers - mean) ** 2)
    assert found.samples[:, 2].mean() == pytest.approx(mean, abs=0.06 * sd)
    assert found.samples[:, 2].std() == pytest.approx(sd, rel=0.05)


def test_held_parameters_do_not_move():
    found, _ = drawn(problem_of(), 200)
    assert np.all(found.samples[:, 2] == 1.0)
    assert found.samples.shape == (200, 3) and found.proposed == 400


def test_draws_stay_within_bounds_when_the_fit_is_on_one():
    share = np.linspace(0, 1, 40)
    loss = (2 - 0.03 * share) * np.exp(np.random.default_rng(0).normal(0, 0.01, 40))
    problem = straight_problem(share, loss, lowest=0.0, stderr=np.full(40, 0.01))
    found, params = drawn(problem)
    assert params[1] == 0.0
    assert found.samples[:, 1].min() >= 0 < found.samples[:, 1].std()
    assert found.effective > 300


def test_a_prior_is_all_there_is_where_the_data_are_silent():
    share = np.repeat([0.0, 1.0], 30)
    loss = (2 + 0.5 * share) * np.exp(np.random.default_rng(0).normal(0, 0.01, 60))
    found, _ = drawn(straight_problem(share, loss, bent=True, stderr=np.full(60, 0.01)))
    prior = stats.truncnorm(-0.5, 1.0, 1.0, 1.0)
    assert found.samples[:, 2].mean() == pytest.approx(prior.mean(), abs=0.06)
    assert found.samples[:, 2].std() == pytest.approx(prior.std(), rel=0.1)


def test_the_same_seed_gives_the_same_draws():
    problem = problem_of()
    assert np.array_equal(drawn(problem, 300)[0].samples, drawn(problem, 300)[0].samples)


def test_student_density_is_that_of_scipy():
    root = np.array([[2.0, 0.0], [0.5, 0.3]])
    ours = Student(np.array([1.0, -1.0]), root)
    at = ours.draw(np.random.default_rng(0), 50)
    theirs = stats.multivariate_t([1.0, -1.0], root @ root.T, df=6.0)
    assert ours.log_density(at) == pytest.approx(theirs.logpdf(at))
