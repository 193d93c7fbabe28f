import math

import pytest

from sweeper.laws import LawError, table_from_columns
from tests.laws.tables.small_tables import at, typed


def refusal(columns, **options):
    with pytest.raises(LawError) as refused:
        table_from_columns(columns, **options)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("loss", -1.0, "loss: row 3 has -1, allowed is a positive number of nats a token; mend or leave out the row"),
        ("loss", 0, "loss: row 3 has 0, allowed is a positive number of nats a token"),
        ("loss", math.nan, "loss: row 3 has no value, allowed is a positive number"),
        ("loss", "", "loss: row 3 has no value"),
        ("loss", "n/a", "loss: row 3 has no value"),
        ("loss", math.inf, "loss: row 3 has inf"),
        ("loss", "high", "loss: row 3 has 'high', which is not a number"),
        (
            "loss",
            "2,86",
            "loss: row 3 has '2,86', which is not a number; write it without separators and with a decimal",
        ),
        ("loss", 10**400, "loss: row 3 has 1"),
        ("tokens", -5, "tokens: row 3 has -5, allowed is 0 or more tokens"),
        ("tokens", None, "tokens: row 3 has no value"),
        ("corpus", "", "corpus: row 3 has no value; name the corpus whose loss it is"),
        ("domain_ratio", "25%", "domain_ratio: row 3 has '25%', which is not a number; write 25% as 0.25"),
        ("domain_ratio", 1.2, "domain_ratio: row 3 has 1.2; a share is between 0 and 1"),
        ("domain_ratio", -0.1, "domain_ratio: row 3 has -0.1; a share is between 0 and 1"),
        ("domain_ratio", None, "domain_ratio: row 3 has no value; a share is between 0 and 1"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_its_row(name, value, words):
    assert refusal(at(typed(), name, 3, value)).startswith(words)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("params", 0.5, "params: row 1 has 0.5, allowed is 1 or more parameters"),
        ("base_loss", 0.0, "base_loss: row 1 has 0"),
        ("stderr", -0.1, "stderr: row 1 has -0.1"),
        ("lr_fraction", 1.5, "lr_fraction: row 1 has 1.5, allowed is between 0 and 1"),
        ("lr_area", -1, "lr_area: row 1 has -1"),
        ("learning_rate", -1e-3, "learning_rate: row 1 has -0.001, allowed is a positive rate"),
        ("lora_r", -8, "lora_r: row 1 has -8"),
        ("unique_tokens", -1, "unique_tokens: row 1 has -1"),
        ("seed", "first", "seed: row 1 has 'first', which is not a number"),
    ],
)
def test_an_optional_column_is_checked_where_it_is_there(name, value, words):
    assert refusal(typed(**{name: value})).startswith(words)


def test_more_rows_like_it_are_counted():
    assert "(and 13 more like it)" in refusal(typed(stderr=-1.0))


def test_rows_are_counted_as_in_the_file_they_came_from():
    columns = {name: values[:1] + values for name, values in at(typed(), "loss", 3, 0).items()}
    columns["split"] = ["test"] + ["valid"] * 14
    assert refusal(columns, lines=range(2, 17)).startswith("loss: row 4 (line 5) has 0")


def test_percentages_are_told_from_shares():
    said = refusal(typed(domain_ratio=[r if r == "" else 100 * r for r in typed()["domain_ratio"]]))
    assert said == (
        "domain_ratio: row 2 has 10; a share is between 0 and 1; the values look like percentages, so divide the "
        "column by 100"
    )


def test_shares_that_do_not_sum_to_one_are_refused():
    columns = typed(domain_ratio=None) | {"ratio.law": [0.5] * 14, "ratio.general": [0.3] * 14}
    said = refusal(columns)
    assert said.startswith("ratio.NAME: row 2: the shares of law, general sum to 0.8; the shares of a mixture sum to 1")


def test_a_share_of_a_corpus_that_is_misspelt_is_named():
    columns = typed(domain_ratio=None) | {"ratio.law": [0.5] * 14, "ratio.genral": [0.5] * 14}
    assert "ratio.genral: no row has the corpus 'genral'; did you mean ratio.general?" in refusal(columns)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "corpus: the table has no such column"),
        ({"corpus": []}, "corpus: the table has no rows"),
        ({**typed(), "loss": 3.0}, "loss: 3.0 is no column; give one value a row"),
        ({**typed(), "loss": "3.0"}, "loss: '3.0' is no column"),
        ({**typed(), "loss": [3.0]}, "loss: 1 values, but corpus has 14; every column needs one value a row"),
        ({**typed(), "loss": [None] * 14}, "loss: the table has no such column"),
    ],
)
def test_what_is_no_table_is_refused(columns, words):
    assert refusal(columns).startswith(words)


def test_a_corpus_whose_losses_do_not_vary_is_refused():
    said = refusal(typed(loss=[3.0] * 7 + typed()["loss"][7:]))
    assert said.startswith("loss: all 6 rows of general have 3; without variation there is nothing to fit.")


def test_one_ratio_is_said_and_not_refused():
    columns = {n: [v for v, r in zip(values, typed()["domain_ratio"], strict=True) if r in ("", 0.4)]
               for n, values in typed().items()}  # fmt: skip
    assert any(note.startswith("One domain ratio only: laws in tokens") for note in table_from_columns(columns).notes)


def test_runs_that_were_measured_once_are_said():
    columns = {
        n: [v for v, t in zip(values, typed()["tokens"], strict=True) if t != 50_000] for n, values in typed().items()
    }
    assert any(note.startswith("Every run was measured once") for note in table_from_columns(columns).notes)
