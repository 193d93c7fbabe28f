import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.laws import DCpt, LawError
from sweeper.laws.forms.law import Frame
from sweeper.laws.tables.points import Points

TWO = Frame(sizes=(1e6, 4e6), tokens=1e5, loss=5.0, decayed=True, near_zero=True, ratios=6)
THREE = Frame(sizes=(1e6, 2e6, 4e6), tokens=1e5, loss=5.0, decayed=True, near_zero=True, ratios=6)


def points(params=4e6, tokens=1e5, share=0.5, annealed=0.0, base=4.0):
    columns = np.broadcast_arrays(*[np.atleast_1d(np.asarray(v, dtype=float)) for v in (params, tokens, share)])
    n, d, r = columns
    return Points(n, d, r, lr_area=d, annealed=np.full(d.shape, annealed), base_loss=np.full(d.shape, base))


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


def test_unmeasured_size_is_refused_with_two_sizes_and_allowed_with_three():
    rng = np.random.default_rng(0)
    with pytest.raises(LawError, match="no extrapolation in N"):
        DCpt(TWO).predict(DCpt(TWO).starts(rng, 1), points(params=3e6))
    assert np.isfinite(DCpt(THREE).predict(DCpt(THREE).starts(rng, 1), points(params=3e6))).all()


@pytest.mark.parametrize("law", [DCpt(TWO), DCpt(THREE)])
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31), share=st.floats(0.0, 1.0), tokens=st.floats(100, 2e5), size=st.sampled_from([1e6, 4e6])
)
def test_jacobian_agrees_with_differences(law, seed, share, tokens, size):
    where = points(params=size, tokens=tokens, share=share, annealed=0.3)
    params = law.starts(np.random.default_rng(seed), 1)
    exact = law.jacobian(params, where)[0, 0]
    for i in range(params.shape[1]):
        step = np.zeros_like(params)
        step[0, i] = 1e-6
        slope = (law.predict(params + step, where) - law.predict(params - step, where))[0, 0] / 2e-6
        assert exact[i] == pytest.approx(slope, rel=1e-4, abs=1e-6)
