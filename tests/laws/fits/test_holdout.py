import numpy as np
import pytest

from sweeper.laws import table_from_columns
from sweeper.laws.fits.holdout import HeldOut, interpolation_error, unchanged_error


def table(losses, ratios=(0.0, 0.5, 1.0), base=2.0):
    return table_from_columns(
        {
            "corpus": ["code"] * len(ratios),
            "tokens": [100_000] * len(ratios),
            "domain_ratio": ratios,
            "loss": losses,
            "base_loss": [base] * len(ratios),
            "trial": [str(r) for r in ratios],
        },
        target="code",
    )


def held_out(by_ratio, last_third=None):
    return HeldOut(by_ratio, {}, last_third or {}, {}, None)


def test_interior_and_extreme_ratios_are_pooled_apart():
    errors = held_out({0.0: 0.5, 0.3: 0.03, 0.6: 0.04, 1.0: 0.5})
    assert errors.interior() == pytest.approx(np.sqrt((0.03**2 + 0.04**2) / 2))
    assert errors.summary()["leave_one_ratio_out_extremes"] == pytest.approx(0.5)


def test_two_ratios_have_no_interior():
    assert held_out({}).interior() is None


def test_interpolation_joins_the_neighbours_in_log_loss():
    assert interpolation_error(table([1.0, 2.0, 4.0])) == pytest.approx(0.0, abs=1e-12)
    assert interpolation_error(table([1.0, 2.0 * np.e, 4.0])) == pytest.approx(1.0)


def test_unchanged_compares_interior_ratios_with_the_base():
    assert unchanged_error(table([9.0, 2.0 * np.exp(0.1), 9.0])) == pytest.approx(0.1)
    assert unchanged_error(table([9.0, 3.0, 9.0], base=None)) is None


def test_last_third_of_interior_and_extreme_ratios_are_pooled_apart():
    summary = held_out({}, {0.0: 0.3, 0.3: 0.03, 0.6: 0.04, 1.0: 0.4}).summary()
    assert summary["last_third"] == pytest.approx(np.sqrt((0.03**2 + 0.04**2) / 2))
    assert summary["last_third_extremes"] == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2))
    assert held_out({}, {0.3: 0.03, 0.6: 0.04}).summary()["last_third"] == pytest.approx(np.sqrt(0.00125))
