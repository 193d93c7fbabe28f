import numpy as np
import pytest

from sweeper.laws.engine.curve_fit import FOLD, fit_curve
from tests.laws.engine.curves import AMPLITUDES, SHAPE, evidence, points

NEW = points(shares=(0.1, 0.4, 0.9), times=(0.5, 1.0))


def truth(at, amplitudes=AMPLITUDES):
    from sweeper.laws.forms.anchored import Anchored

    return Anchored().basis(SHAPE, at.area, at.share, at.annealed) @ amplitudes


def spread(posterior, at):
    normal = np.random.default_rng(1).standard_normal((800, len(posterior.weights[0].mean)))
    return posterior.draws(at, normal).std(axis=0)


@pytest.fixture(scope="module")
def fitted():
    return fit_curve(evidence(), np.random.default_rng(0))


def test_curves_at_new_shares_are_predicted_and_the_posterior_knows_how_well(fitted):
    error = fitted.mean(NEW) - truth(NEW)
    assert np.max(np.abs(error)) < 0.004
    assert np.all(np.abs(error) < 4 * spread(fitted, NEW) + 1e-4)


def test_nothing_is_known_to_change_before_training(fitted):
    start = points(times=(0.0,))
    assert fitted.mean(start) == pytest.approx(0.0, abs=1e-9)
    assert np.max(spread(fitted, start)) < 1e-9


def test_beyond_the_measured_tokens_it_is_less_sure(fitted):
    at_end, beyond = (spread(fitted, points(shares=(0.4,), times=(time,)))[0] for time in (1.0, 2.0))
    assert beyond > 1.5 * at_end


def test_an_unmeasured_share_is_less_sure_than_a_measured_one(fitted):
    measured, between = (spread(fitted, points(shares=(share,), times=(1.0,)))[0] for share in (0.25, 0.1))
    assert between > measured


def test_one_row_far_from_all_others_is_doubted():
    clean = evidence()
    y = clean.y.copy()
    y[19] += 0.2
    from dataclasses import replace

    spoilt = fit_curve(replace(clean, y=y), np.random.default_rng(0))
    assert np.flatnonzero(spoilt.evidence.doubt > 10).tolist() == [19]
    assert np.max(np.abs(spoilt.mean(NEW) - truth(NEW))) < 0.006


def test_noise_of_runs_is_found():
    calm, loud = (fit_curve(evidence(noise=noise), np.random.default_rng(0)) for noise in (0.0005, 0.01))
    at = points(times=(1.0,))
    assert np.all(calm.noise(at) < 0.003)
    assert loud.noise(at) == pytest.approx(0.01, rel=0.5)


def test_unknown_base_losses_are_estimated():
    posterior = fit_curve(evidence(base_known=False), np.random.default_rng(0))
    at = points(shares=(0.4,), times=(0.5, 1.0))
    unknown = type(at)(at.area, at.share, at.annealed, at.kind, base_known=False)
    assert posterior.mean(unknown) == pytest.approx(1.3 + truth(at), abs=0.006)


def test_many_rows_are_thinned_for_the_shape_alone():
    many = evidence(points(times=tuple(np.linspace(0.02, 1.0, 60))))
    posterior = fit_curve(many, np.random.default_rng(0), FOLD)
    assert len(posterior.evidence.y) == 300
    assert len(posterior.weights) == FOLD.shapes
    assert np.max(np.abs(posterior.mean(NEW) - truth(NEW))) < 0.003


def test_the_same_generator_gives_the_same_posterior():
    first, second = (fit_curve(evidence(), np.random.default_rng(3), FOLD) for _ in range(2))
    assert np.array_equal(first.standard, second.standard)
