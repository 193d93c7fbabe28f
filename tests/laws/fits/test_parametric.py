from dataclasses import replace

import numpy as np
import pytest

from sweeper.laws import fit
from sweeper.laws.fits.holdout import HeldOut
from tests.laws.simulated_cpt import anchored_truth, dcpt_truth, simulated_table


@pytest.fixture(scope="module")
def dcpt():
    return fit(simulated_table(dcpt_truth, base=False), law="dcpt", bootstrap=24).corpora["code"].chosen


def test_errors_on_left_out_ratios_widen_intervals_nearby_most(dcpt):
    about = dict.fromkeys((0.0, 0.1, 0.33, 0.67, 1.0), 0.001)
    worse = HeldOut({0.0: 9.0, 0.1: 0.1, 0.33: 0.01, 0.67: 0.01, 1.0: 9.0}, about, {}, {}, None)
    near, far = replace(dcpt, held_out_log=worse).model_error(np.array([0.1, 0.67]))
    assert 0.1 > near > 0.08
    assert 0.02 > far > 2 * dcpt.model_error(np.array([0.67]))[0]


def test_what_a_law_errs_at_an_extreme_ratio_does_not_widen_intervals_far_from_it(dcpt):
    calm = dict.fromkeys((0.0, 0.1, 0.33, 0.67, 1.0), 0.002)
    wild = {**calm, 0.0: 0.5}
    law = replace(dcpt, held_out_log=HeldOut(wild, wild, wild, wild, None))
    error, extra = law.model_error(np.array([0.0, 0.6])), law.extrapolation_error(np.array([0.0, 0.6]), np.ones(2))
    assert error[0] > 0.2 and extra[0] > 0.2
    assert error[1] < 0.03 and extra[1] < 0.03


def test_bootstrap_spreads_the_parameters_as_far_as_runs_differ(dcpt):
    noisy = fit(simulated_table(dcpt_truth, base=False, noise=0.02), law="dcpt", bootstrap=24).corpora["code"]
    calm, wide = dcpt.parameters["C"], noisy.parameters["C"]
    assert calm.low < calm.value < calm.high
    assert 0 < calm.stderr < wide.stderr


def test_without_a_bootstrap_the_curvature_gives_standard_errors():
    law = fit(simulated_table(dcpt_truth, base=False), law="dcpt", bootstrap=0).corpora["code"]
    assert 0 < law.parameters["B"].stderr < law.parameters["B"].value


def test_a_law_that_cannot_follow_the_data_says_where_it_breaks_its_trend_or_what_it_leaves_open():
    general = fit(simulated_table(anchored_truth), law="dcpt", bootstrap=8).corpora["general"]
    assert general.chosen.unidentified
