import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.measurements import ratio_stderr
from trainers.statistics import bits_per_byte, bootstrap_stderr, perplexity


def corpus(n: int) -> tuple[list[float], list[int]]:
    """Documents of 1 to 400 tokens; long ones are easier, so that the ratio's sizes matter."""
    rng = np.random.default_rng(n)
    sizes = rng.integers(1, 400, n)
    losses = 3 + rng.normal(0, 0.5, n) - sizes / 400
    return list(losses * sizes), [int(s) for s in sizes]


@pytest.mark.parametrize("n", [100, 3000])
def test_bootstrap_agrees_with_the_delta_method_on_many_documents(n: int) -> None:
    nll, tokens = corpus(n)
    assert bootstrap_stderr(nll, tokens) == pytest.approx(ratio_stderr(nll, tokens), rel=0.1)


def test_bootstrap_of_equal_documents_is_the_standard_error_of_the_mean() -> None:
    # Losses 1, 2, 3: standard deviation 1, over sqrt(3); to the 2 % that 1,000 resamples give, twice over.
    assert bootstrap_stderr([10, 20, 30], [10, 10, 10]) == pytest.approx(1 / math.sqrt(3), rel=0.05)


def test_documents_are_drawn_whole() -> None:
    # One document of 100 equal tokens at loss 1 and one at loss 3: two things that vary, not two hundred.
    assert bootstrap_stderr([100, 300], [100, 100]) == pytest.approx(1.0, rel=0.05)


def test_the_same_documents_have_the_same_error_every_time() -> None:
    assert bootstrap_stderr(*corpus(50)) == bootstrap_stderr(*corpus(50))


def test_drawing_in_parts_changes_nothing_much(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap_stderr(*corpus(50))
    monkeypatch.setattr("trainers.statistics._AT_ONCE", 120)
    assert bootstrap_stderr(*corpus(50)) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("documents", [([], []), ([3.0], [10]), ([3.0, 0.0], [10, 0])])
def test_fewer_than_two_documents_have_no_error(documents: tuple[list[float], list[int]]) -> None:
    assert bootstrap_stderr(*documents) is None


@given(st.floats(0.1, 10), st.floats(0.1, 100))
def test_documents_of_one_loss_have_no_error(loss: float, scale: float) -> None:
    sizes = [1.0, 7.0, 30.0]
    error = bootstrap_stderr([loss * s * scale for s in sizes], [s * scale for s in sizes])
    assert error == pytest.approx(0, abs=1e-9)


def test_bits_per_byte_of_a_fair_coin_per_byte_is_one() -> None:
    assert bits_per_byte(8 * math.log(2), 8) == pytest.approx(1.0)
    assert math.isnan(bits_per_byte(1.0, 0))


def test_perplexity_of_a_diverged_loss_is_infinite() -> None:
    assert perplexity(2.0) == pytest.approx(math.exp(2))
    assert perplexity(1e6) == math.inf
