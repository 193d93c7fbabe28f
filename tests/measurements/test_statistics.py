import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.measurements import bits_per_byte, perplexity, ratio_stderr


def test_stderr_of_equal_documents_is_that_of_the_mean():
    # Losses 1, 2, 3: standard deviation 1, over sqrt(3).
    assert ratio_stderr([10, 20, 30], [10, 10, 10]) == pytest.approx(1 / math.sqrt(3))


def test_stderr_weighs_documents_by_their_tokens():
    # Loss (2 + 18) / (1 + 9) = 2 for both documents: nothing varies.
    assert ratio_stderr([2, 18], [1, 9]) == 0
    # Loss (5 + 15) / 10 = 2; residuals 5 - 2 and 15 - 18.
    assert ratio_stderr([5, 15], [1, 9]) == pytest.approx(math.sqrt(2 * 18) / 10)


@pytest.mark.parametrize("amounts", [[], [3.0]])
def test_stderr_needs_two_documents(amounts):
    assert math.isnan(ratio_stderr(amounts, [10] * len(amounts)))


@given(
    st.lists(st.tuples(st.floats(0, 50), st.integers(1, 100)), min_size=2, max_size=20),
    st.floats(0.1, 10),
)
def test_stderr_scales_with_the_amounts(documents, scale):
    amounts, sizes = [a for a, _ in documents], [n for _, n in documents]
    scaled = ratio_stderr([a * scale for a in amounts], sizes)
    assert scaled == pytest.approx(scale * ratio_stderr(amounts, sizes), abs=1e-9)


def test_bits_per_byte_of_a_fair_coin_per_byte_is_one():
    assert bits_per_byte(8 * math.log(2), 8) == pytest.approx(1.0)
    assert math.isnan(bits_per_byte(1.0, 0))


def test_perplexity_of_a_diverged_loss_is_infinite():
    assert perplexity(2.0) == pytest.approx(math.exp(2))
    assert perplexity(1e6) == math.inf
    assert math.isnan(perplexity(math.nan))
