import pytest

from sweeper.laws import LawError, table_from_columns
from sweeper.laws.tables.names import KNOWN
from sweeper.measurements import COLUMNS
from tests.laws.tables.small_tables import typed


def renamed(old, new):
    return {new if name == old else name: values for name, values in typed().items()}


def refusal(columns):
    with pytest.raises(LawError) as refused:
        table_from_columns(columns)
    return str(refused.value)


def test_the_known_columns_are_those_of_the_contract():
    assert set(KNOWN) == {column.name for column in COLUMNS} - {"ratio.NAME"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss", "los"),
        ("loss", "Loss"),
        ("tokens", "token"),
        ("tokens", " tokens"),
        ("corpus", "corpuss"),
        ("domain_ratio", "domain-ratio"),
        ("domain_ratio", "Domain Ratio"),
        ("domain_ratio", "domain_ratios"),
    ],
)
def test_a_misspelt_column_is_named_with_what_was_meant(old, new):
    assert refusal(renamed(old, new)).startswith(
        f"{old}: the table has no such column, but one called {new!r}; did you mean {old}? Rename it"
    )


def test_an_optional_column_may_not_be_misspelt_either():
    assert "called 'learnig_rate'; did you mean learning_rate?" in refusal(typed(learnig_rate=1e-3))


def test_a_name_like_one_that_is_there_is_not_taken_for_it():
    assert len(table_from_columns(typed(losses=1.0))) == 14


@pytest.mark.parametrize("name", ["ratio_law", "ratio law", "Ratio-law", "ratio:law"])
def test_a_share_is_called_by_a_dot(name):
    columns = typed(domain_ratio=None)
    columns[name] = typed()["domain_ratio"]
    assert refusal(columns).startswith("ratio.law: the table has no such column, but one called")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("loss", "val_loss", "loss: the table has no such column; if 'val_loss' is it, call it loss"),
        ("tokens", "D", "tokens: the table has no such column; if 'D' is it, call it tokens"),
        ("corpus", "dataset", "if 'dataset' is it, call it corpus"),
        ("domain_ratio", "r", "laws need the mixture, as if 'r' is it, call it domain_ratio"),
        ("tokens", "step", "tokens: the table has no such column; training tokens are step * tokens a batch"),
        ("loss", "perplexity", "loss: the table has no such column; the loss in nats a token is ln(perplexity)"),
        ("loss", "ppl", "the loss in nats a token is ln(ppl): add it as a column loss"),
        ("loss", "bits_per_byte", "the loss in nats a token is ln 2 * bits_per_byte * bytes a token"),
        ("loss", "bpb", "ln 2 * bpb * bytes a token"),
        ("corpus", "x", "corpus: the table has no such column; needed are corpus, tokens, loss and the mixture"),
    ],
)
def test_what_others_call_a_needed_column_is_recognised(old, new, words):
    assert words in refusal(renamed(old, new))


def test_columns_that_are_not_used_are_said():
    notes = table_from_columns(typed(lr=1e-3, machine="a", N=1e6)).notes
    said = (
        "Columns that are not used: N (if it is params, call it so), lr (if it is learning_rate, call it so), machine."
    )
    assert said in notes


def test_columns_of_the_contract_that_no_law_uses_are_left_out_in_silence():
    assert not any("not used" in note for note in table_from_columns(typed(experiment="a", epochs=1.0)).notes)


def test_names_that_are_no_text_are_refused():
    assert refusal({**typed(), 3: [1] * 14}).startswith("columns: a column is named 3; names are text")


def test_losses_of_several_corpora_beside_each_other_are_recognised():
    said = refusal({"tokens": [1e6], "domain_ratio": [0.5], "general_loss": [3.0], "law_loss": [4.0]})
    assert said.startswith(
        "corpus: the table has no such column; general_loss, law_loss look like losses of several corpora"
    )
