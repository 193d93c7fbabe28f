import numpy as np
import pytest

from benchmarks.laws_simulated import Trial, covered, recovered
from benchmarks.laws_tables import DCPT, LONGEST, NOISE, RATIOS, SIZES, dcpt_truth, simulated, two_timescales


def trial(held, error=0.0):
    values = {name: value + error for name, value in DCPT.items()}
    return Trial(values, np.array([error]), {"parameters": np.array(held)})


def test_the_table_has_the_published_grid_and_the_noise_asked():
    table = simulated(dcpt_truth, 0, corpora=("domain",))
    assert len(table) == 540 == 9 * 3 * 20
    truth = dcpt_truth("domain", table.params, table.tokens, table.share)
    assert np.std(table.loss - truth) == pytest.approx(NOISE, rel=0.1)
    assert len(set(table.trial.tolist())) == 27


def test_a_base_row_a_size_and_corpus_has_no_noise():
    table = simulated(two_timescales, 0, sizes=(1.8e9,), checkpoints=2, base=True)
    assert table.base_loss[table.corpus == "general"] == pytest.approx(2.6 * (1.8 / 4) ** -0.06)


def test_the_true_d_cpt_law_falls_with_the_share_over_the_whole_grid():
    share = np.linspace(0.0, 1.0, 101)
    for corpus, n, d in (("domain", SIZES[0], LONGEST / 20), ("general", SIZES[2], LONGEST)):
        assert np.all(np.diff(dcpt_truth(corpus, np.full(101, n), np.full(101, d), share)) < 2e-4)


def test_general_loss_on_two_timescales_rises_and_falls():
    tokens = np.linspace(0.0, 4 * LONGEST, 200)
    loss = two_timescales("general", np.full(200, 4e9), tokens, np.full(200, 0.4))
    top = int(np.argmax(loss))
    assert 0 < top < 60 and loss[0] == 2.6
    assert loss[top] > loss[0] + 0.02 and loss[-1] < loss[top] - 0.02
    assert 0.0 in RATIOS and 1.0 in RATIOS


def test_coverage_is_the_part_of_intervals_that_hold_the_truth():
    (row,) = covered([trial([True, True]), trial([True, False])])
    assert row.ours == 0.75 and not row.passed
    (row,) = covered([trial([True] * 9 + [False])])
    assert row.ours == 0.9 and row.passed


def test_a_bias_counts_in_standard_deviations_of_a_fit():
    rows = recovered([trial([True], 0.01), trial([True], 0.03)])
    assert rows[0].difference == pytest.approx(0.02 / np.std([0.01, 0.03], ddof=1))
    assert not rows[0].passed and not rows[-1].passed
    assert rows[-1].ours == pytest.approx(np.sqrt((0.01**2 + 0.03**2) / 2))
