import numpy as np
import pytest

from sweeper.laws import LawError, table_from_columns
from tests.laws.tables.small_tables import typed


def without_base_rows(**changes):
    columns = typed(**changes)
    return {n: [v for v, t in zip(values, columns["tokens"], strict=True) if t] for n, values in columns.items()}


def test_rows_at_zero_tokens_are_base_losses():
    assert table_from_columns(typed()).base_loss.tolist() == [3.0] * 7 + [4.0] * 7


def test_the_column_wins_over_rows_at_zero_tokens_and_a_difference_is_said():
    table = table_from_columns(typed(base_loss=[""] + [3.5] * 6 + [4.0] * 7))
    assert table.base_loss[1:7].tolist() == [3.5] * 6
    assert "base_loss is not the loss at tokens = 0 of general; base_loss is used." in table.notes


def test_a_base_loss_given_once_holds_for_its_corpus():
    table = table_from_columns(without_base_rows(base_loss=[""] * 3 + [3.1] + [""] * 10))
    assert table.base_loss[:6].tolist() == [3.1] * 6
    assert np.isnan(table.base_loss[6:]).all()


def test_missing_base_losses_are_said_with_what_they_cost():
    notes = table_from_columns(without_base_rows()).notes
    assert any(
        note.startswith("The base loss of general, law is missing (no base_loss, no row at tokens = 0): the anchored")
        for note in notes
    )
    assert not any("base loss of" in note for note in table_from_columns(typed()).notes)


def test_base_rows_without_a_method_serve_every_method():
    table = table_from_columns(typed(method=["" if t == 0 else "lora" for t in typed()["tokens"]]))
    assert table.base_loss.tolist() == [3.0] * 7 + [4.0] * 7


def test_base_losses_of_one_model_are_averaged():
    columns = {name: [values[0], *values] for name, values in typed().items()}
    columns["loss"][0] = 3.02
    assert table_from_columns(columns).base_loss[2] == pytest.approx(3.01)


def test_base_losses_that_contradict_are_refused():
    columns = {name: [values[0], *values] for name, values in typed(params=1_000_000).items()}
    columns["loss"][0] = 3.4
    with pytest.raises(LawError) as refused:
        table_from_columns(columns)
    assert str(refused.value).startswith(
        "loss: row 2 has 3 and row 1 3.4 at tokens = 0 for the base model of 1e+06 parameters on general"
    )
