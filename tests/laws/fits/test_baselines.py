import numpy as np
import pytest

from sweeper.laws import table_from_columns
from sweeper.laws.fits.baselines import baseline_errors


def errors_of(losses, ratios=(0.0, 0.5, 1.0), base=2.0):
    table = table_from_columns(
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
    return baseline_errors(table)


def test_interpolation_joins_the_neighbours_in_log_loss():
    assert errors_of([1.0, 2.0, 4.0])["interpolation"] == pytest.approx(0.0, abs=1e-12)
    assert errors_of([1.0, 2.0 * np.e, 4.0])["interpolation"] == pytest.approx(1.0)


def test_unchanged_compares_interior_ratios_with_the_base():
    assert errors_of([9.0, 2.0 * np.exp(0.1), 9.0])["unchanged"] == pytest.approx(0.1)
    assert errors_of([9.0, 3.0, 9.0], base=None)["unchanged"] is None


def test_nearest_run_takes_the_nearest_ratio():
    found = errors_of([3.0, 2.0 * np.e, 2.0, 5.0], ratios=(0.0, 0.6, 0.7, 1.0))
    assert found["nearest_run"] == pytest.approx(1.0)


def test_own_share_line_goes_through_the_other_ratios():
    logs = [1.0, 0.75, 0.5, 0.25, 0.0]
    assert errors_of(np.exp(logs), ratios=(0.0, 0.25, 0.5, 0.75, 1.0))["own_share_line"] == pytest.approx(0.0, abs=1e-9)
    logs[2] += 0.3
    found = errors_of(np.exp(logs), ratios=(0.0, 0.25, 0.5, 0.75, 1.0))["own_share_line"]
    assert found == pytest.approx(np.sqrt((0.3**2 + 2 * (0.3 / 4) ** 2) / 3), rel=0.05)


def test_two_ratios_leave_nothing_to_judge():
    assert set(errors_of([1.0, 2.0], ratios=(0.0, 1.0)).values()) == {None}
