import numpy as np
import pytest

from sweeper.laws.engine.resample import resampled_runs, row_weights
from sweeper.laws.fits.noise import emphasis, late_rows, replicate_noise, residual_noise
from tests.laws.simulated_cpt import anchored_truth, simulate, simulated_table, table_from_columns


def trained(**options):
    table = simulated_table(anchored_truth, **options)
    return table.rows(table.tokens > 0)


def test_runs_are_drawn_whole():
    table = trained()
    weights = row_weights(table, *resampled_runs(table, 5, np.random.default_rng(0)))
    for trial in set(table.trial):
        assert np.all(np.ptp(weights[:, table.trial == trial], axis=1) == 0)


def test_each_draw_keeps_the_number_of_runs_of_each_size():
    table = trained()
    trials, draws = resampled_runs(table, 200, np.random.default_rng(0))
    first = [int(np.flatnonzero(table.trial == trial)[0]) for trial in trials]
    small = table.params[first] == 0.5e6
    assert np.all(draws[:, small].sum(axis=1) == 5)
    assert np.all(draws[:, ~small].sum(axis=1) == 6)


def test_each_draw_keeps_three_distinct_ratios():
    _, draws = resampled_runs(trained(sizes=(1.3e6,), replicates=0), 300, np.random.default_rng(0))
    assert (draws > 0).sum(axis=1).min() == 3


def test_corpora_share_the_draws():
    table = trained()
    trials, draws = resampled_runs(table, 10, np.random.default_rng(0))
    one, other = (row_weights(table.where(corpus=name), trials, draws) for name in ("general", "code"))
    assert np.array_equal(one, other)


def test_noise_of_two_runs_is_their_difference_over_root_two():
    columns = simulate(anchored_truth, noise=0.0, tokens=(80e3, 160e3), sizes=(1.3e6,))
    columns["loss"] = [
        x * (np.exp(0.02) if t == "t5" else 1) for x, t in zip(columns["loss"], columns["trial"], strict=True)
    ]
    table = table_from_columns(columns)
    noise = replicate_noise(table.rows((table.tokens > 0) & (table.corpus == "code")))
    assert noise is not None
    assert noise.sd == pytest.approx(0.02 / np.sqrt(2))
    assert noise.dof == 2 and noise.replicated


def test_without_replicates_there_is_no_replicate_noise():
    assert replicate_noise(trained(replicates=0).where(corpus="code")) is None


def test_residual_noise_counts_parameters():
    noise = residual_noise(np.array([0.1, -0.1, 0.1, -0.1]), 2)
    assert noise.sd == pytest.approx(np.sqrt(0.04 / 2))
    assert not noise.replicated


def test_late_rows_are_the_second_half_of_each_size():
    table = trained()
    assert set(table.tokens[late_rows(table)]) == {t for t in table.tokens if t >= 80e3}


def test_early_rows_count_in_proportion_to_their_tokens():
    table = trained()
    counts = dict(zip(np.round(table.tokens / 160e3, 3), emphasis(table), strict=True))
    assert counts == pytest.approx({0.167: 1 / 3, 0.333: 2 / 3, 0.5: 1, 0.667: 1, 0.833: 1, 1.0: 1})


def branched(**options):
    """The last checkpoint of each run again, cooled down, 3 % lower."""
    columns = simulate(anchored_truth, tokens=(80e3, 160e3), sizes=(1.3e6,), **options)
    columns["lr_fraction"] = [1.0] * len(columns["loss"])
    for i in [i for i, tokens in enumerate(columns["tokens"]) if tokens > 150e3]:
        row = {name: values[i] for name, values in columns.items()}
        row |= {"trial": row["trial"] + "-cooled", "loss": 0.97 * row["loss"], "lr_fraction": 0.0}
        for name, value in row.items():
            columns[name].append(value)
    table = table_from_columns(columns)
    return table.rows((table.tokens > 0) & (table.corpus == "code"))


def test_branches_that_cool_down_are_no_repeated_runs():
    assert replicate_noise(branched(replicates=0)) is None
    noise = replicate_noise(branched(replicates=1, noise=0.001))
    assert noise is not None and noise.sd < 0.004


def test_runs_copied_under_another_name_say_nothing_of_noise():
    columns = simulate(anchored_truth, replicates=0)
    twice = {name: values * 2 for name, values in columns.items()}
    twice["trial"] = columns["trial"] + [f"{trial}-copy" for trial in columns["trial"]]
    table = table_from_columns(twice)
    assert replicate_noise(table.rows((table.tokens > 0) & (table.corpus == "code"))) is None


@pytest.mark.parametrize(("replicates", "dof"), [(1, 3), (2, 3), (6, 6)])
def test_degrees_of_freedom_grow_with_repeated_runs_beyond_three_only(replicates, dof):
    noise = replicate_noise(trained(replicates=replicates).where(corpus="code"))
    assert noise is not None and noise.dof == dof
