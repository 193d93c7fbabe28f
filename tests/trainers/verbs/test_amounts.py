import argparse

import pytest

from trainers.verbs.amounts import tokens


@pytest.mark.parametrize(
    ("text", "amount"), [("250000", 250_000), ("250k", 250_000), ("1.5M", 1_500_000), ("2B", 2 * 10**9)]
)
def test_tokens_are_read_as_people_write_them(text: str, amount: int) -> None:
    assert tokens(text) == amount


@pytest.mark.parametrize("text", ["0", "0.0001k", "x", "-5", "5 apples", ""])
def test_what_is_no_number_of_tokens_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write 250000, 250k"):
        tokens(text)
