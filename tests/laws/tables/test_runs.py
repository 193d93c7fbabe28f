import numpy as np
import pytest

from sweeper.laws import LawError, table_from_columns
from tests.laws.tables.small_tables import typed

TRIALS = [f"r{r}" for r in typed()["domain_ratio"]]


def again(row, **changes):
    """The table with one row (from 1) once more at the end, changed."""
    columns = typed(trial=changes.pop("trials", None))
    return {name: [*values, changes.get(name, values[row - 1])] for name, values in columns.items()}


def refusal(columns):
    with pytest.raises(LawError) as refused:
        table_from_columns(columns)
    return str(refused.value)


def test_rows_without_a_trial_belong_to_the_run_of_their_mixture():
    table = table_from_columns(typed())
    assert len(set(table.trial[table.tokens > 0])) == 3


def test_a_row_that_is_there_twice_counts_once():
    table = table_from_columns(again(2))
    assert len(table) == 14
    assert "1 rows say again what an earlier one says and are left out." in table.notes


def test_one_trial_measured_twice_at_one_point_may_differ_by_a_rounding():
    assert len(table_from_columns(again(2, trials=TRIALS, loss=typed()["loss"][1] * 1.001))) == 14


def test_one_trial_with_two_losses_at_one_point_is_refused():
    said = refusal(again(2, trials=TRIALS, loss=3.1))
    assert said == "loss: row 2 has 3.005 and row 15 3.1 for general at the same point of one trial; leave one out"


def test_a_point_measured_again_without_a_trial_is_a_repeated_run():
    table = table_from_columns(again(2, loss=3.1))
    assert len(table) == 15
    assert table.trial[14] != table.trial[1]
    assert any(note.startswith("1 rows measure a point again, without a trial or seed") for note in table.notes)


def test_a_point_measured_again_with_a_very_different_loss_is_refused():
    said = refusal(again(2, loss=3.5))
    assert said.startswith(
        "loss: row 2 has 3.005 and row 15 3.5 for general at the same point with nothing that tells runs"
    )
    assert "say so in a column trial" in said


@pytest.mark.parametrize("name", ["seed", "learning_rate", "lr_fraction"])
def test_what_tells_runs_apart_makes_them_no_contradiction(name):
    columns = again(2, loss=3.5)
    columns[name] = [1.0] * 14 + [0.5]
    assert len(table_from_columns(columns)) == 15


def test_names_that_begin_again_in_every_mixture_are_told_apart():
    table = table_from_columns(typed(trial="1"))
    assert len(set(table.trial[table.tokens > 0])) == 3
    assert any("trial stand at several mixtures" in note for note in table.notes)


def test_names_of_runs_are_kept():
    table = table_from_columns(typed(trial=TRIALS))
    assert table.trial.tolist() == TRIALS


def test_failed_trials_are_left_out_and_said():
    table = table_from_columns(typed(state=["completed"] * 13 + ["failed"], loss=[*typed()["loss"][:13], np.nan]))
    assert len(table) == 13
    assert "1 rows of failed trials are left out." in table.notes


def test_a_table_of_failed_trials_is_refused():
    assert refusal(typed(state="failed")).startswith("state: every row is of a failed trial")


def test_a_table_without_validation_rows_is_refused():
    assert refusal(typed(split="dev")).startswith("split: no row is `valid`, there are dev;")
