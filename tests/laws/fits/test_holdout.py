import numpy as np
import pytest

from sweeper.laws import table_from_columns
from sweeper.laws.fits.holdout import HeldOut, folds_of, held_out_of


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


def test_last_third_of_interior_and_extreme_ratios_are_pooled_apart():
    summary = held_out({}, {0.0: 0.3, 0.3: 0.03, 0.6: 0.04, 1.0: 0.4}).summary()
    assert summary["last_third"] == pytest.approx(np.sqrt((0.03**2 + 0.04**2) / 2))
    assert summary["last_third_extremes"] == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2))
    assert held_out({}, {0.3: 0.03, 0.6: 0.04}).summary()["last_third"] == pytest.approx(np.sqrt(0.00125))


def grid(ratios=(0.0, 0.5, 1.0), sizes=(1e6,), tokens=(50, 100, 150)):
    rows = [(n, r, d) for n in sizes for r in ratios for d in tokens]
    return table_from_columns(
        {
            "corpus": ["code"] * len(rows),
            "params": [n for n, _, _ in rows],
            "domain_ratio": [r for _, r, _ in rows],
            "tokens": [1000 * d for _, _, d in rows],
            "loss": [2.0 + 0.01 * i for i in range(len(rows))],
            "base_loss": [3.0] * len(rows),
            "trial": [f"{n}-{r}" for n, r, _ in rows],
        },
        target="code",
    )


def test_each_ratio_and_the_last_third_of_tokens_are_left_out():
    folds = folds_of(grid())
    assert folds.names == ("ratio", "ratio", "ratio", "last_third")
    assert [list(np.flatnonzero(rows)) for rows in folds.left_out] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [2, 5, 8]]
    late = [list(np.flatnonzero(rows)) for rows in folds.judged]
    assert late == [[1, 2], [4, 5], [7, 8], [2, 5, 8]]


def test_two_ratios_one_time_and_three_sizes_allow_no_fold():
    assert len(folds_of(grid(ratios=(0.0, 1.0), sizes=(1e6, 2e6, 3e6), tokens=(100,)))) == 0
    assert folds_of(grid(ratios=(0.0, 1.0), sizes=(1e6, 2e6, 3e6, 4e6), tokens=(100,))).names == ("largest_size",)


def test_errors_are_pooled_over_the_rows_that_count():
    table = grid()
    folds = folds_of(table)
    residuals = np.where(folds.judged, 0.02, 9.0)
    found = held_out_of(table, folds, residuals, np.full(9, 0.001), np.full(residuals.shape, 0.013))
    assert found.by_ratio == pytest.approx({0.0: 0.02, 0.5: 0.02, 1.0: 0.02})
    assert found.last_third == pytest.approx({0.0: 0.02, 0.5: 0.02, 1.0: 0.02})
    assert found.per_excess[0.5] == pytest.approx(0.02 / 0.5)
    assert found.coverage == 1.0
    assert held_out_of(table, folds, residuals, np.zeros(9), np.full(residuals.shape, 0.012)).coverage == 0.0
    assert held_out_of(table, folds, residuals, np.zeros(9)).coverage is None


def test_a_ratio_that_was_measured_early_only_is_no_fold():
    long = grid()
    short = long.rows((long.domain_ratio != 0.5) | (long.tokens < 60_000))
    folds = folds_of(short)
    assert folds.names == ("ratio", "ratio", "last_third")
    assert folds.judged.any(axis=1).all()
    assert not np.any(folds.left_out[:2] & (short.domain_ratio == 0.5))


def test_many_ratios_share_folds_with_far_ones():
    many = grid(ratios=tuple(i / 39 for i in range(40)), tokens=(100, 150))
    folds = folds_of(many)
    ratio = np.array([name == "ratio" for name in folds.names])
    assert ratio.sum() == 12
    assert np.all(folds.left_out[ratio].sum(axis=0) == 1)
    for rows in folds.left_out[ratio]:
        assert np.min(np.diff(np.unique(many.domain_ratio[rows]))) > 0.2
    found = held_out_of(many, folds, np.broadcast_to(many.domain_ratio, folds.judged.shape), np.zeros(len(many)))
    assert len(found.by_ratio) == 40
    assert all(error == pytest.approx(ratio, abs=1e-3) for ratio, error in found.by_ratio.items())
