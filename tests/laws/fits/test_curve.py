from dataclasses import replace

import numpy as np
import pytest

from sweeper.laws import table_from_columns
from sweeper.laws.engine.wander import onset
from sweeper.laws.fits.curve import fit_anchored
from sweeper.laws.fits.holdout import folds_of
from sweeper.laws.tables.points import points_of
from tests.laws.simulated_cpt import anchored_truth, simulate


@pytest.fixture(scope="module")
def rows():
    table = table_from_columns(simulate(anchored_truth, sizes=(1.3e6,))).where(corpus="code")
    return table.rows(table.tokens > 0)


@pytest.fixture(scope="module")
def curve(rows):
    return fit_anchored(points_of(rows), rows, folds_of(rows), np.random.default_rng(0))[0]


def draws(curve, rows, excess):
    at = points_of(rows)
    return curve.log_draws(at, rows.domain_ratio, np.full(len(rows), excess), np.random.default_rng(1))


def test_beyond_the_measured_tokens_curves_spread_further_than_the_posterior_says(curve, rows):
    inside, twice = (draws(curve, rows, excess).std(axis=0) for excess in (-0.5, 1.0))
    assert twice == pytest.approx(1.25 * inside)


def test_the_calibration_spreads_draws_about_the_same_mean(curve, rows):
    wider = replace(curve, calibration=2.0 * curve.calibration)
    assert draws(wider, rows, 0.0).std(axis=0) == pytest.approx(2.0 * draws(curve, rows, 0.0).std(axis=0))
    assert draws(wider, rows, 0.0).mean(axis=0) == pytest.approx(curve.log_loss(points_of(rows)), abs=2e-3)


def test_every_draw_starts_at_the_base_loss(curve, rows):
    start = replace(points_of(rows), lr_area=np.zeros(len(rows)))
    found = curve.log_draws(start, rows.domain_ratio, np.zeros(len(rows)), np.random.default_rng(1))
    assert onset(np.zeros(1)) == 0.0
    assert found == pytest.approx(np.broadcast_to(np.log(start.base_loss), found.shape))


def test_far_from_everything_measured_losses_stay_possible(rows):
    few = rows.rows(rows.domain_ratio < 0.2)
    curve = fit_anchored(points_of(few), few, folds_of(few), np.random.default_rng(0))[0]
    at = replace(points_of(few), share=np.ones(len(few)))
    found = curve.log_draws(at, few.domain_ratio, np.full(len(few), 1.0), np.random.default_rng(1))
    assert np.all(np.abs(found - np.log(at.base_loss)) <= 2.0 + 1e-9)
