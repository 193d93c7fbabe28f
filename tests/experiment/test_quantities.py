import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.experiment.errors import ExperimentError
from sweeper.experiment.quantities import format_bytes, format_tokens, parse_bytes, parse_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("80k", 80_000),
        ("2M", 2_000_000),
        ("1.5B", 1_500_000_000),
        ("3T", 3 * 10**12),
        ("1_000", 1000),
        ("2m", 2 * 10**6),
    ],
)
def test_token_quantities_are_read(text: str, tokens: int) -> None:
    assert parse_tokens(text) == tokens


@pytest.mark.parametrize(("number", "tokens"), [(7, 7), (0, 0), (2e6, 2_000_000)])
def test_plain_numbers_are_token_quantities(number: float, tokens: int) -> None:
    assert parse_tokens(number) == tokens


@pytest.mark.parametrize(
    "bad", ["80 kilo", "k", "1.5", "1.0001k", "-3k", "", -1, 1.5, True, None, float("nan"), "8MB", "٣k"]
)
def test_what_is_no_whole_number_of_tokens_is_refused_with_examples(bad: object) -> None:
    with pytest.raises(ExperimentError, match=r"80k, 2M or 1\.5B") as error:
        parse_tokens(bad)
    assert repr(bad) in str(error.value)


@pytest.mark.parametrize(
    ("text", "size"),
    [("8MB", 8_000_000), ("1GB", 10**9), ("1.5kB", 1500), ("2KiB", 2048), ("1GiB", 2**30), ("12", 12), ("7b", 7)],
)
def test_byte_quantities_are_read(text: str, size: int) -> None:
    assert parse_bytes(text) == size


def test_token_suffixes_are_no_byte_quantities() -> None:
    with pytest.raises(ExperimentError, match="'8M' is not a whole number of bytes"):
        parse_bytes("8M")


@pytest.mark.parametrize(
    ("tokens", "text"), [(80_000, "80k"), (1_250_000, "1.25M"), (1234, "1234"), (10**9, "1B"), (0, "0"), (999, "999")]
)
def test_tokens_are_written_short(tokens: int, text: str) -> None:
    assert format_tokens(tokens) == text


@given(st.integers(0, 10**15))
def test_tokens_survive_being_written_and_read(tokens: int) -> None:
    assert parse_tokens(format_tokens(tokens)) == tokens


@given(st.integers(0, 10**15))
def test_bytes_survive_being_written_and_read(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == size


@given(st.integers(1, 9999), st.sampled_from(["k", "M", "B"]))
def test_written_quantities_are_never_longer_than_their_digits(number: int, suffix: str) -> None:
    tokens = parse_tokens(f"{number}{suffix}")
    assert len(format_tokens(tokens)) <= len(str(tokens))
