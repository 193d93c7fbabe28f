import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sweeper.laws import Anchored, DCpt, LawError
from sweeper.laws.forms.law import Frame
from sweeper.laws.tables.points import Points

TWO = Frame(sizes=(1e6, 4e6), tokens=1e5, loss=5.0, decayed=True, near_zero=True, ratios=6)
THREE = Frame(sizes=(1e6, 2e6, 4e6), tokens=1e5, loss=5.0, decayed=True, near_zero=True, ratios=6)


def points(params=4e6, tokens=1e5, share=0.5, annealed=0.0, base=4.0):
    columns = np.broadcast_arrays(*[np.atleast_1d(np.asarray(v, dtype=float)) for v in (params, tokens, share)])
    n, d, r = columns
    return Points(n, d, r, lr_area=d, annealed=np.full(d.shape, annealed), base_loss=np.full(d.shape, base))


def anchored(**values):
    law = Anchored(TWO)
    defaults = {
        "s": 0.0, "ln_epsilon": np.log(1e-3), "ln_tau1": np.log(0.1), "ln_tau2": np.log(0.2), "eta": 1.0, "beta": 0.0,
        "J": 0.0, "C": 0.0,
        "F[1e+06]": 0.0, "F[4e+06]": 0.0, "A[1e+06]": 0.0, "A[4e+06]": 0.0,
    }  # fmt: skip
    return law, np.array([[{**defaults, **values}[name] for name in law.names]])


def test_dcpt_of_hand_computed_point():
    law = DCpt(TWO)
    values = {"B": 0.4, "C": 0.3, "beta": 0.5, "eta": 2.0, "gamma": 1.0, "ln_epsilon": np.log(0.1)}
    values |= {"E[1e+06]": 9.0, "E[4e+06]": 2.0}
    params = np.array([[values[name] for name in law.names]])
    # D/D_ref = 1/4: 2 + 0.4 * 0.5^2 / 0.25^0.5 + 0.3 / (0.5 + 0.1)
    assert law.predict(params, points(tokens=2.5e4))[0, 0] == pytest.approx(2 + 0.2 + 0.5)


def test_dcpt_with_three_sizes_has_a_power_of_size():
    law = DCpt(THREE)
    values = {"B": 0.0, "C": 0.0, "beta": 0.5, "eta": 1.0, "gamma": 1.0, "ln_epsilon": -2.0}
    values |= {"E": 2.0, "A": 0.5, "alpha": 0.5}
    params = np.array([[values[name] for name in law.names]])
    assert law.predict(params, points(params=1e6))[0, 0] == pytest.approx(2 + 0.5 * 2)


def test_anchored_of_hand_computed_point():
    law, params = anchored(**{"F[4e+06]": 0.05, "A[4e+06]": 0.1, "J": 0.02, "beta": 2.0})
    # S = tau1 = 0.1, tau2 = 0.2, s = 0, x = 0.501/1.001: restart J/2, shift F h S/(S + tau1 h), z = x/2
    x = 0.501 / 1.001
    h = -np.log(x)
    change = 0.02 / 2 + 0.05 * h * 0.1 / (0.1 + 0.1 * h) - 0.1 * (1 - (1 + x / 2) ** -2) / 2
    assert law.predict(params, points(tokens=1e4))[0, 0] == pytest.approx(4 * np.exp(change))


def test_anchored_shift_begins_alike_at_every_share_and_goes_on_longest_without_the_corpus():
    law, params = anchored(**{"F[4e+06]": 0.1})
    early = np.log(law.predict(params, points(tokens=1.0, share=[0.0, 0.3]))[0] / 4)
    late = np.log(law.predict(params, points(tokens=1e6, share=[0.0, 0.3]))[0] / 4)
    assert early == pytest.approx(0.1 * 1e-5 / 0.1, rel=1e-3)
    assert late[0] > 4 * late[1]


def test_anchored_restart_costs_the_same_at_every_share():
    law, params = anchored(J=0.02)
    assert law.predict(params, points(share=[0.0, 0.5, 1.0]))[0] == pytest.approx(4 * np.exp(0.02 / 1.1))


def test_anchored_learning_follows_the_corpus_own_tokens_or_all_by_eta():
    own, all_tokens = ({"A[4e+06]": 0.1, "eta": eta} for eta in (1.0, 0.0))
    law, params = anchored(**own)
    half = law.predict(params, points(share=0.5, tokens=8e4))[0, 0]
    assert half == pytest.approx(law.predict(params, points(share=1.0, tokens=4e4))[0, 0], rel=1e-3)
    law, params = anchored(**all_tokens)
    assert np.ptp(law.predict(params, points(share=[0.1, 1.0]))) < 1e-12


def test_anchored_is_exact_at_the_base_loss():
    law = Anchored(TWO)
    start = law.starts(np.random.default_rng(0), 5)
    assert law.predict(start, points(tokens=0.0, share=[0.0, 0.3, 1.0])) == pytest.approx(4.0)


def test_anchored_shift_vanishes_where_all_text_is_the_corpus():
    law, params = anchored(**{"F[4e+06]": 0.5})
    assert law.predict(params, points(share=1.0))[0, 0] == pytest.approx(4.0)


def test_anchored_annealing_lowers_the_loss():
    law, params = anchored(C=0.05)
    assert law.predict(params, points(annealed=1.0))[0, 0] == pytest.approx(4 * np.exp(-0.05))


def test_anchored_can_rise_and_then_fall():
    law, params = anchored(**{"F[4e+06]": 0.05, "A[4e+06]": 0.02, "ln_tau1": np.log(0.02), "ln_tau2": np.log(0.3)})
    early, late, end = law.predict(params, points(tokens=[2e3, 7e3, 1.5e5]))[0]
    assert 4.0 < early < late > end


def test_anchored_uses_the_amplitude_of_its_size():
    law, params = anchored(**{"A[1e+06]": 0.1})
    small, large = law.predict(params, points(params=[1e6, 4e6]))[0]
    assert small < large == pytest.approx(4.0)


def test_constant_schedules_and_few_ratios_hold_what_they_cannot_say():
    frame = Frame(sizes=(1e6,), tokens=1e5, loss=5.0, decayed=False, near_zero=False, ratios=4)
    space = Anchored(frame).space()
    held = dict(zip(Anchored(frame).names, space.lower == space.upper, strict=True))
    assert held["C"] and held["s"] and held["ln_epsilon"] and not held["ln_tau1"]
    assert not np.any(np.equal(*[getattr(Anchored(TWO).space(), side) for side in ("lower", "upper")]))


def test_unmeasured_size_is_refused_with_two_sizes_and_allowed_with_three():
    law, params = anchored()
    with pytest.raises(LawError, match="no extrapolation in N"):
        law.predict(params, points(params=3e6))
    three = Anchored(THREE)
    assert np.isfinite(three.predict(three.starts(np.random.default_rng(0), 1), points(params=3e6))).all()


@pytest.mark.parametrize("law", [Anchored(TWO), Anchored(THREE), DCpt(TWO), DCpt(THREE)])
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31), share=st.floats(0.0, 1.0), tokens=st.floats(100, 2e5), size=st.sampled_from([1e6, 4e6])
)
def test_jacobian_agrees_with_differences(law, seed, share, tokens, size):
    where = points(params=size, tokens=tokens, share=share, annealed=0.3)
    params = law.starts(np.random.default_rng(seed), 1)
    assume(law.predict(params, where)[0, 0] < 1e6)  # beyond, changes of log loss are cut and have no slope
    exact = law.jacobian(params, where)[0, 0]
    for i in range(params.shape[1]):
        step = np.zeros_like(params)
        step[0, i] = 1e-6
        slope = (law.predict(params + step, where) - law.predict(params - step, where))[0, 0] / 2e-6
        assert exact[i] == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_bend_is_smooth_through_s_of_zero():
    law, zero = anchored(**{"F[4e+06]": 1.0})
    _, near = anchored(**{"F[4e+06]": 1.0, "s": 2e-4})
    assert law.predict(near, points(share=0.1))[0, 0] == pytest.approx(law.predict(zero, points(share=0.1))[0, 0], 1e-3)
    assert law.jacobian(near, points(share=0.1))[0, 0, 0] == pytest.approx(
        law.jacobian(zero, points(share=0.1))[0, 0, 0], rel=1e-2
    )
