import numpy as np
import pytest

from sweeper.laws import LawError, fit, table_from_columns
from tests.laws.simulated_cpt import anchored_truth, simulate


def two_rows(**changes):
    columns = {
        "corpus": ["general", "law"],
        "corpus_role": ["general", "domain"],
        "tokens": [100_000, 100_000],
        "domain_ratio": [0.25, 0.25],
        "loss": [3.0, 4.0],
    }
    columns.update(changes)
    return {name: values for name, values in columns.items() if values is not None}


def test_own_share_of_general_is_what_the_domain_leaves():
    table = table_from_columns(two_rows())
    assert table.target == "law"
    assert table.share.tolist() == [0.75, 0.25]
    assert table.remainder == {"general": 1.0}


def test_shares_of_three_corpora_come_from_their_columns():
    table = table_from_columns(
        {
            "corpus": ["wiki", "books", "law"],
            "corpus_role": ["general", "general", "domain"],
            "tokens": [10_000, 10_000, 10_000],
            "loss": [1.0, 2.0, 3.0],
            "ratio.wiki": [0.6, 0.6, 0.6],
            "ratio.books": [0.2, 0.2, 0.2],
            "ratio.law": [0.2, 0.2, 0.2],
        }
    )
    assert table.share.tolist() == [0.6, 0.2, 0.2]
    assert table.domain_ratio.tolist() == [0.2, 0.2, 0.2]
    assert table.remainder == pytest.approx({"wiki": 0.75, "books": 0.25})


def test_remainder_that_differs_between_rows_is_noted():
    columns = two_rows(domain_ratio=None, corpus=["general", "law"])
    columns |= {"ratio.law": [0.2, 0.2], "ratio.general": [0.8, 0.5], "ratio.books": [0.0, 0.3]}
    assert any("differs between rows" in note for note in table_from_columns(columns).notes)


def test_base_loss_is_taken_from_the_row_at_zero_tokens():
    columns = two_rows(
        corpus=["general", "law", "law"],
        corpus_role=["general", "domain", "domain"],
        tokens=[100_000, 100_000, 0],
        domain_ratio=[0.5, 0.5, ""],
        loss=[3.0, 4.0, 4.5],
    )
    table = table_from_columns(columns)
    assert table.base_loss[1] == 4.5
    assert np.isnan(table.base_loss[0])


def test_base_loss_of_another_method_is_not_taken():
    columns = two_rows(corpus=["law", "law"], corpus_role=["domain"] * 2, tokens=[100_000, 0], method=["qlora", "full"])
    assert np.isnan(table_from_columns(columns).base_loss[0])


def test_only_law_and_base_rows_are_kept_where_there_are_law_rows():
    columns = {name: values * 2 for name, values in two_rows().items()}
    columns["role"] = ["law", "law", "confirm", "search"]
    columns["loss"] = [3.0, 4.0, 9.0, 9.0]
    table = table_from_columns(columns)
    assert table.loss.tolist() == [3.0, 4.0]
    assert any("role law" in note for note in table.notes)


def test_test_split_rows_are_left_out():
    columns = {name: values * 2 for name, values in two_rows().items()}
    columns["split"] = ["valid", "valid", "test", "test"]
    assert len(table_from_columns(columns)) == 2


def test_missing_columns_are_said_in_notes():
    text = " ".join(table_from_columns(two_rows()).notes)
    assert "params" in text and "lr_area" in text and "trial" in text


def test_area_defaults_to_tokens():
    assert table_from_columns(two_rows()).lr_area.tolist() == [100_000.0, 100_000.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": None}, "loss"),
        ({"domain_ratio": None}, "domain_ratio"),
        ({"loss": [3.0, float("nan")]}, "loss: row 2 has no value"),
        ({"loss": [3.0, -1.0]}, "loss: row 2 has -1"),
        ({"tokens": [-5, 100_000]}, "tokens: row 1"),
        ({"loss": [3.0, "x"]}, "'x'"),
        ({"tokens": [1]}, "tokens: 1 values"),
        ({"domain_ratio": [0.5, 1.2]}, "domain_ratio: row 2 has 1.2"),
        ({"params": [5_000_000, None]}, "params: row 2"),
        ({"corpus": ["a", "b"], "corpus_role": None}, "target"),
    ],
)
def test_bad_tables_are_refused_by_name(changes, words):
    with pytest.raises(LawError, match=words):
        table_from_columns(two_rows(**changes))


def test_runs_are_told_apart_without_a_trial_column():
    columns = simulate(anchored_truth)
    known = table_from_columns(columns)
    guessed = table_from_columns({name: values for name, values in columns.items() if name != "trial"})
    rows = known.tokens > 0
    assert len(set(guessed.trial[rows])) == len(set(known.trial[rows])) == 11


def test_two_methods_need_one_to_be_named():
    columns = simulate(anchored_truth)
    columns["method"] = ["full" if i % 2 else "qlora" for i in range(len(columns["loss"]))]
    with pytest.raises(LawError, match="full, qlora"):
        fit(table_from_columns(columns), bootstrap=0)


@pytest.mark.parametrize("missing", [None, "", float("nan"), "<NA>"])
def test_cells_that_are_missing_are_taken_for_missing(missing):
    table = table_from_columns(two_rows(base_loss=[missing, 5.0], lr_area=[missing, 50_000], method=[missing, "full"]))
    assert np.isnan(table.base_loss[0]) and table.base_loss[1] == 5.0
    assert table.lr_area.tolist() == [100_000.0, 50_000.0]
    assert table.method.tolist() == ["", "full"]
