"""What holds for every law of the registry."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.laws import LawError
from sweeper.laws.forms.automatic import complex_step
from sweeper.laws.forms.formula import FormulaLaw
from sweeper.laws.forms.registry import LAWS, LAWS_APART, make_law, missing_columns
from sweeper.laws.forms.trends import slope, trends_of
from tests.laws.forms.law_points import random_frame, random_points

FRAMES = {"three sizes": random_frame(), "two sizes": random_frame((1e6, 4e6))}
EVERY = [*LAWS, *LAWS_APART]
SEEDS = st.integers(0, 2**31)


def draw(law, seed, count=3):
    return law.starts(np.random.default_rng(seed), count)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_the_gradient_is_the_complex_step(name, frame, seed):
    law, points = make_law(name, frame), random_points(seed, sizes=frame.sizes)
    params = draw(law, seed)
    expected = complex_step(law, params, points)
    scale = np.abs(expected).max(axis=(0, 1))
    assert law.jacobian(params, points) / np.maximum(scale, 1e-9) == pytest.approx(
        expected / np.maximum(scale, 1e-9), abs=1e-8
    )


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_the_gradient_agrees_with_differences(name, seed):
    law, points = make_law(name, FRAMES["three sizes"]), random_points(seed)
    params = draw(law, seed, 1)
    exact = law.jacobian(params, points)
    for i in range(params.shape[1]):
        step = np.zeros_like(params)
        step[0, i] = 1e-6
        slopes = (law.predict(params + step, points) - law.predict(params - step, points)) / 2e-6
        assert exact[:, :, i] == pytest.approx(slopes, rel=1e-3, abs=1e-5 * max(1.0, float(np.abs(slopes).max())))


@pytest.mark.parametrize("name", EVERY)
def test_shapes_and_starting_points_are_as_stated(name):
    law, points = make_law(name, FRAMES["three sizes"]), random_points()
    params, space = draw(law, 0, 50), law.space()
    assert params.shape == (50, len(law.names)) == (50, len(set(law.names)))
    assert law.predict(params, points).shape == (50, len(points))
    assert law.jacobian(params, points).shape == (50, len(points), len(law.names))
    assert np.all((params >= space.lower) & (params <= space.upper))
    assert np.all((space.prior_mean >= space.lower) & (space.prior_mean <= space.upper) | np.isinf(space.prior_sd))
    assert law.name == name and law.formula.startswith("L = ") and law.source


@pytest.mark.parametrize("name", EVERY)
def test_members_of_a_batch_are_independent(name):
    law, points = make_law(name, FRAMES["three sizes"]), random_points()
    params = draw(law, 1)
    alone = np.concatenate([law.predict(params[i : i + 1], points) for i in range(3)])
    assert law.predict(params, points) == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_the_loss_is_linear_in_what_is_stated_linear(name):
    law, points = make_law(name, FRAMES["three sizes"]), random_points()
    assert isinstance(law, FormulaLaw)
    moved = [law.names.index(each) for each in law.linear]
    first, second = draw(law, 2, 1), draw(law, 2, 1)
    second[:, moved] = draw(law, 3, 1)[:, moved]
    middle = law.predict((first + second) / 2, points)
    assert middle == pytest.approx((law.predict(first, points) + law.predict(second, points)) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "column"), [(name, trend.column) for name in EVERY for trend in trends_of(make_law(name, random_frame()))]
)
@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_trends_hold_where_they_are_said_to(name, column, seed):
    law, points = make_law(name, FRAMES["three sizes"]), random_points(seed)
    assert isinstance(law, FormulaLaw)
    (trend,) = (each for each in law.trends if each.column == column)
    params = draw(law, seed)
    slopes, where = slope(law, params, points, column), law.trend_holds(column, params, points)
    known = np.broadcast_to(~np.isnan(getattr(points, column)), slopes.shape) & where
    size = law.predict(params, points) / np.maximum(np.abs(getattr(points, column)), 1e-3)
    assert np.all(trend.sign * slopes[known] >= -1e-6 * size[known])


@pytest.mark.parametrize("name", ["dcpt", "exponential-share", "cmr-tokens"])
def test_a_conditional_trend_fails_where_its_condition_does(name):
    law = make_law(name, FRAMES["three sizes"])
    assert isinstance(law, FormulaLaw)
    (column,) = (each.column for each in law.trends if each.condition and each.column != "params")
    params, points = draw(law, 0, 200), random_points(1)
    where = law.trend_holds(column, params, points)
    slopes = slope(law, params, points, column)
    assert not where.all()
    assert np.mean(slopes[~where] > -1e-12) > 0.999


@pytest.mark.parametrize(
    ("name", "index"),
    [(name, i) for name in EVERY for i in range(len(getattr(make_law(name, random_frame()), "limits", ())))],
)
def test_limits_are_as_stated(name, index):
    law, points = make_law(name, FRAMES["three sizes"]), random_points()
    assert isinstance(law, FormulaLaw)
    limit = law.limits[index]
    params = draw(law, 4, 4)
    near, nearer = (
        law.predict(params, replace(points, **{limit.column: np.full(len(points), 10.0**k if limit.at else 10.0**-k)}))
        for k in ((60, 61) if limit.at else (18, 19))
    )
    if limit.loss == "diverges":
        assert np.all(nearer >= near) and np.all(np.median(nearer, axis=1) > 5.0)
    else:
        assert nearer == pytest.approx(near, rel=0.3)
        assert np.isfinite(nearer).all()


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(LawError, match="'dcp' is not known; there are dcpt, dcpt-repeats"):
        make_law("dcp", FRAMES["three sizes"])


def test_missing_columns_are_named():
    points = random_points()
    bare = replace(points, base_loss=np.full(len(points), np.nan), decline=np.full(len(points), np.nan))
    assert missing_columns("cross-domain", bare) == ("base_loss", "decline")
    assert missing_columns("dcpt", bare) == ()
    some = np.where(np.arange(len(points)) < 3, np.nan, points.base_loss)
    assert missing_columns("cross-domain", replace(points, base_loss=some)) == ("base_loss",)
    assert missing_columns("cross-domain", points) == ()
