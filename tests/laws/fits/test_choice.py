import numpy as np
import pytest

from sweeper.laws.fits.choice import choose
from sweeper.laws.fits.holdout import Folds

ROWS = 4


def folds(count=6):
    """Folds of two rows each that count, out of four."""
    judged = np.zeros((count, ROWS), dtype=bool)
    judged[:, :2] = True
    return Folds(np.ones((count, ROWS), dtype=bool), judged, ("ratio",) * count)


def errors(*sizes):
    """Residuals with one size a fold where they count, and wild elsewhere; signs alternate."""
    return np.array([[size, -size, 9.0, 9.0] for size in sizes])


def test_the_law_with_clearly_smaller_errors_is_taken():
    choice = choose({"first": errors(*[0.03] * 6), "second": errors(0.01, 0.011, 0.009, 0.01, 0.012, 0.01)}, folds())
    assert choice.weights == {"second": 1.0}
    assert "first 3.00%" in choice.why and "second 1.0" in choice.why


def test_the_first_law_is_taken_where_another_is_better_by_luck():
    lucky = errors(0.01, 0.03, 0.02, 0.01, 0.03, 0.019)
    assert choose({"first": errors(*[0.02] * 6), "second": lucky}, folds()).weights == {"first": 1.0}


def test_a_fold_that_both_miss_widely_decides_no_more_than_others():
    first, second = errors(0.5, 0.02, 0.02, 0.02, 0.02, 0.02), errors(0.45, 0.04, 0.042, 0.04, 0.041, 0.04)
    assert choose({"second": second, "first": first}, folds()).law == "first"


def test_laws_that_err_to_opposite_sides_are_averaged():
    first = errors(0.020, 0.021, 0.019, 0.020, 0.022, 0.020)
    choice = choose({"first": first, "second": -first}, folds())
    assert choice.weights == pytest.approx({"first": 0.5, "second": 0.5})
    assert "An average" in choice.why


def test_without_folds_the_first_law_is_taken_and_that_is_said():
    none = np.empty((0, ROWS))
    choice = choose({"first": none, "second": none}, folds(0))
    assert choice.weights == {"first": 1.0}
    assert "too few ratios" in choice.why


def test_a_single_law_needs_no_comparison():
    assert choose({"only": errors(0.1)}, folds(1)).weights == {"only": 1.0}
