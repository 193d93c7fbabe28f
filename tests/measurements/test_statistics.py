import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.measurements import ratio_stderr
from sweeper.measurements.statistics import loss_stderr
from tests.trial_records import corpus_loss
from trainers.statistics import bootstrap_stderr


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


def test_the_error_of_a_loss_is_the_one_stored_with_it():
    measured = corpus_loss("code", [(10, 10), (30, 10)])
    assert loss_stderr(measured.model_copy(update={"stderr": 0.125})) == 0.125


def test_a_loss_stored_without_its_error_gets_it_from_its_documents():
    documents = [(10.0, 10), (30.0, 10), (15.0, 10)]
    expected = bootstrap_stderr(*zip(*documents, strict=True))
    assert loss_stderr(corpus_loss("code", documents)) == expected > 0
    assert math.isnan(loss_stderr(corpus_loss("code", documents[:1])))
