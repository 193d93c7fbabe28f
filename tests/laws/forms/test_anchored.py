import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.laws import Anchored

LAW = Anchored()
NAMES = [shape.name for shape in LAW.shapes]
DEFAULTS = {
    "s": 0.0, "ln_epsilon": np.log(1e-3), "ln_tau1": np.log(0.1), "ln_tau2": np.log(0.2), "eta": 1.0, "beta": 0.0,
    "lambda": 1.0,
}  # fmt: skip


def basis(area=1.0, share=0.5, annealed=0.0, **shape):
    """Restart, shift, learning, annealing: columns of one unit of J, F, A and C."""
    values = np.array([{**DEFAULTS, **shape}[name] for name in NAMES])
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, dtype=float)) for v in (area, share, annealed)))
    return LAW.basis(values, *columns).T


def test_point_computed_by_hand():
    # S = tau1 = 0.1, tau2 = 0.2, s = 0, x = 0.501/1.001
    x = 0.501 / 1.001
    h = -np.log(x)
    restart, shift, learning, annealing = basis(area=0.1, beta=2.0, annealed=0.3)[:, 0]
    assert restart == pytest.approx(0.5)
    assert shift == pytest.approx(h * 0.1 / (0.1 + 0.1 * h))
    assert learning == pytest.approx(-(1 - (1 + x / 2) ** -2) / 2)
    assert annealing == pytest.approx(-0.3)


def test_nothing_changes_before_training():
    assert basis(area=0.0, share=[0.0, 0.3, 1.0]) == pytest.approx(0.0)


def test_at_lambda_1_the_shift_begins_alike_at_every_share_and_goes_on_longest_without_the_corpus():
    early, late = (basis(area=area, share=[0.0, 0.3])[1] for area in (1e-5, 10.0))
    assert early == pytest.approx(1e-5 / 0.1, rel=1e-3)
    assert late[0] > 4 * late[1]


def test_at_lambda_0_the_shift_takes_as_long_at_every_share():
    half, end = (basis(area=area, share=[0.0, 0.3], **{"lambda": 0.0})[1] for area in (0.1, 1e6))
    assert half / end == pytest.approx(0.5, rel=1e-5)


def test_the_shift_vanishes_where_all_text_is_the_corpus_and_falls_with_the_share():
    shift = basis(share=[0.0, 0.1, 0.5, 1.0], s=0.4)[1]
    assert shift[-1] == pytest.approx(0.0, abs=1e-8)
    assert np.all(np.diff(shift) < 0)


def test_the_restart_costs_the_same_at_every_share():
    assert basis(share=[0.0, 0.5, 1.0])[0] == pytest.approx(1 / 1.1)


def test_learning_follows_the_corpus_own_tokens_or_all_by_eta():
    assert basis(share=0.5, area=0.8)[2] == pytest.approx(basis(share=1.0, area=0.4)[2], rel=2e-3)
    assert np.ptp(basis(share=[0.1, 1.0], eta=0.0)[2]) < 1e-12


def test_a_sum_of_shift_and_learning_can_rise_and_then_fall():
    change = basis(area=[0.02, 0.07, 1.5], share=0.5, ln_tau1=np.log(0.02), ln_tau2=np.log(0.3)).T @ [0, 0.05, 0.02, 0]
    assert 0 < change[0] < change[1] > change[2]


def test_the_bend_is_smooth_through_s_of_zero():
    assert basis(share=0.1, s=2e-4)[1] == pytest.approx(basis(share=0.1, s=0.0)[1], rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.floats(0.0, 0.99), area=st.floats(1e-3, 2.0), annealed=st.floats(0.0, 1.0))
def test_gradient_agrees_with_differences(seed, share, area, annealed):
    rng = np.random.default_rng(seed)
    shape = np.array([np.clip(p.mean + p.sd * rng.normal(), p.low, p.high) for p in LAW.shapes])
    at = [np.array([value]) for value in (area, share, annealed)]
    exact = LAW.basis_gradient(shape, *at)
    for i, unit in enumerate(np.eye(len(shape))):
        slope = (LAW.basis(shape + 1e-5 * unit, *at) - LAW.basis(shape - 1e-5 * unit, *at)) / 2e-5
        assert exact[i] == pytest.approx(slope, rel=1e-3, abs=1e-6)
