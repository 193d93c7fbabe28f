import numpy as np
import pytest

from sweeper.laws import LawError, table_from_columns
from tests.laws.tables.small_tables import at, typed

LOSS = typed()["loss"]


def refusal(columns, **options):
    with pytest.raises(LawError) as refused:
        table_from_columns(columns, **options)
    return str(refused.value)


def scaled(name, factor):
    return typed(**{name: [value * factor if value != "" else "" for value in typed()[name]]})


def test_perplexities_are_told_from_their_size():
    said = refusal(typed(loss=[float(np.exp(x)) for x in LOSS]))
    assert said.startswith("loss: row 1 has 20.0855; a loss above 12 nats a token is worse than guessing.")
    assert "If these are perplexities, the loss is ln(perplexity)" in said


def test_small_perplexities_are_told_from_the_base_loss():
    said = refusal(typed(loss=[float(np.exp(x / 2)) for x in LOSS], base_loss=[x / 2 for x in [3.0] * 7 + [4.0] * 7]))
    assert "where base_loss is 1.75: the losses look like perplexities" in said


def test_losses_that_are_the_column_of_perplexities_are_refused():
    small = [float(np.exp(x / 2)) for x in LOSS]
    assert "loss: the values are those of the column perplexity" in refusal(typed(loss=small, perplexity=small))


def test_bits_a_token_are_told_from_the_perplexities():
    said = refusal(typed(loss=[x / np.log(2) for x in LOSS], perplexity=[float(np.exp(x)) for x in LOSS]))
    assert said.startswith("loss: the values are log2(perplexity), bits a token; multiply by ln 2 = 0.693147")


def test_losses_that_are_the_column_of_bits_per_byte_are_refused():
    said = refusal(typed(bits_per_byte=LOSS))
    assert said.startswith("loss: the values are those of the column bits_per_byte")


def test_bits_per_byte_are_told_from_the_base_loss():
    said = refusal(typed(loss=[x / 3 for x in LOSS], base_loss=[3.0] * 7 + [4.0] * 7))
    assert "loss: no value is above 0.55 of its base_loss" in said and "bits per byte?" in said


def test_a_run_from_scratch_may_fall_far_below_its_base_loss():
    assert len(table_from_columns(typed(loss=[x / 2 for x in LOSS], base_loss=10.8))) == 14


def test_consistent_perplexities_and_bits_beside_the_loss_are_welcome():
    columns = typed(perplexity=[float(np.exp(x)) for x in LOSS], bits_per_byte=[x / 3.1 for x in LOSS])
    assert len(table_from_columns(columns)) == 14


def test_a_random_base_model_may_lose_more_than_a_trained_one():
    assert len(table_from_columns(at(typed(), "loss", 1, 12.5))) == 14
    assert "loss: row 2 has 12.5" in refusal(at(typed(), "loss", 2, 12.5))


@pytest.mark.parametrize("factor", [1e-3, 1e-6, 1e-9])
def test_tokens_in_thousands_millions_or_billions_are_refused(factor):
    said = refusal(scaled("tokens", factor))
    assert f"tokens: the largest is {1e5 * factor:g}, which looks like thousands, millions, billions or steps" in said


def test_sizes_in_billions_are_refused():
    assert "params: the largest is 1.3, which looks like millions or billions" in refusal(typed(params=1.3))


def test_tokens_that_may_be_steps_are_noted():
    notes = table_from_columns(typed(params=7e9)).notes
    assert (
        "At most 100000 tokens for 7e+09 parameters are few: if they are steps, multiply by the tokens a batch."
        in notes
    )


def test_quantities_may_have_a_suffix():
    table = table_from_columns(
        typed(tokens=["0" if t == 0 else f"{t // 1000}k" for t in typed()["tokens"]], params="1.3B")
    )
    assert table.tokens.max() == 100_000
    assert table.params.tolist() == [1.3e9] * 14


def test_an_area_above_the_tokens_is_refused():
    columns = typed(lr_area=typed()["tokens"])
    assert "lr_area: row 2 has 60000, more than its 50000 tokens" in refusal(at(columns, "lr_area", 2, 60_000))


def test_an_area_that_was_not_divided_by_the_peak_is_refused():
    said = refusal(typed(lr_area=[t * 1e-3 for t in typed()["tokens"]]))
    assert said.startswith("lr_area: every value is below 2 % of the tokens") and "divide by the peak rate" in said


def test_losses_that_may_be_perplexities_are_asked_about():
    notes = table_from_columns(typed(loss=[3.0 * x for x in LOSS[:7]] + [2.9 * x for x in LOSS[7:]])).notes
    assert any(note.endswith("are these perplexities? Then the loss is ln(perplexity), and everything here is wrong.")
               for note in notes)  # fmt: skip
    assert not any("perplexities" in note for note in table_from_columns(typed()).notes)


def test_losses_that_may_be_bits_per_byte_are_asked_about():
    notes = table_from_columns(typed(loss=[x / 4 for x in LOSS])).notes
    assert any(note.startswith("No loss is above 0.988: are these bits per byte?") for note in notes)
    assert not any("bits per byte" in note for note in table_from_columns(typed()).notes)
