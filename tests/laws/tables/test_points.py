import numpy as np
import pytest

from sweeper.laws import LawError, table_from_columns
from sweeper.laws.tables.points import Points, points_of
from tests.laws.simulated_cpt import dcpt_truth, simulate, simulated_table

TWO = {
    "params": np.array([1e6, 4e6]), "tokens": np.array([1e5, 2e5]), "share": np.array([0.0, 1.0]),
    "lr_area": np.array([1e5, 2e5]), "annealed": np.zeros(2), "base_loss": np.full(2, 4.0),
}  # fmt: skip


def test_columns_that_are_left_out_are_unknown():
    points = Points(**TWO)
    assert np.isnan([points.learning_rate, points.lora_r, points.decline]).all()
    assert points.method.tolist() == ["", ""]


def test_text_is_taken_for_fresh_unless_something_says_that_it_was_repeated():
    assert Points(**TWO).unique_tokens.tolist() == [1e5, 2e5]
    assert Points(**TWO, unique_tokens=np.array([np.nan, 5e4])).unique_tokens.tolist() == [1e5, 5e4]
    assert Points(**TWO, unique_tokens=np.array([3e5, 5e4])).unique_tokens.tolist() == [1e5, 5e4]


def test_a_column_of_another_length_is_refused_by_name():
    with pytest.raises(LawError, match="lora_r: 3 values for 2 points"):
        Points(**TWO, lora_r=np.ones(3))


def test_epochs_of_the_own_corpus_say_more_of_repetition_than_unique_tokens_of_all():
    columns = {**simulate(dcpt_truth, noise=0.0, base=False)}
    rows = len(columns["loss"])
    columns |= {"unique_tokens": [1e4] * rows, "epochs": [4.0 if i % 2 else float("nan") for i in range(rows)]}
    table = table_from_columns(columns)
    points = points_of(table)
    assert points.unique_tokens[1::2] == pytest.approx(table.tokens[1::2] / 4)
    assert points.unique_tokens[::2] == pytest.approx(np.minimum(table.tokens[::2], 1e4))


def test_a_table_hands_on_its_methods_and_rates():
    points = points_of(simulated_table(dcpt_truth, noise=0.0))
    assert set(points.method) == {"full"}
    assert set(points.learning_rate) == {1e-3}
