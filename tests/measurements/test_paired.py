import math

import pytest

from sweeper.measurements import MeasurementError, paired_difference, paired_difference_over_seeds
from tests.trial_records import corpus_loss, measurement


def measured(*documents):
    return measurement(1024, 3.0, 3.0).model_copy(update={"losses": (corpus_loss("code", list(documents)),)})


def test_the_difference_is_that_of_the_losses():
    a, b = measured((20, 10), (60, 20)), measured((25, 10), (70, 20))
    # 80/30 - 95/30 = -0.5; residuals -5 + 5 and -10 + 10: every document agrees.
    assert paired_difference(a, b, "code") == (pytest.approx(-0.5), pytest.approx(0.0))


def test_what_documents_share_does_not_count_as_noise():
    a, b = measured((10, 10), (90, 10)), measured((12, 10), (90, 10))
    difference, stderr = paired_difference(a, b, "code")
    assert difference == pytest.approx(-0.1)
    # Differences -2 and 0 around -1: sqrt(2 * (1 + 1)) / 20.
    assert stderr == pytest.approx(0.1)


def test_the_comparison_turns_its_sign_with_the_order():
    a, b = measured((10, 10), (90, 10)), measured((12, 10), (95, 10))
    forth, back = paired_difference(a, b, "code"), paired_difference(b, a, "code")
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.stderr == pytest.approx(back.stderr)


def test_seeds_are_averaged_and_their_spread_is_added():
    same = measured((10, 10), (10, 10))
    pairs = [(measured((10, 10), (12, 10)), same), (measured((14, 10), (12, 10)), same)]
    difference, stderr = paired_difference_over_seeds(pairs, "code")
    # Per seed 2/20 and 6/20; mean by document 2 and 2, so that documents agree; seeds: stdev 0.1414 / sqrt(2) = 0.1.
    assert difference == pytest.approx(0.2)
    assert stderr == pytest.approx(0.1)


def test_one_document_gives_no_standard_error():
    assert math.isnan(paired_difference(measured((10, 10)), measured((11, 10)), "code").stderr)


def test_different_documents_are_refused():
    with pytest.raises(MeasurementError, match="did not score the same documents"):
        paired_difference(measured((10, 10), (10, 10)), measured((10, 10)), "code")
    with pytest.raises(MeasurementError, match="did not score the same documents"):
        paired_difference(measured((10, 10)), measured((10, 9)), "code")


def test_a_missing_corpus_and_no_pairs_are_named():
    with pytest.raises(MeasurementError, match="lacks law/valid"):
        paired_difference(measured((10, 10)), measured((10, 10)), "law")
    with pytest.raises(MeasurementError, match="no pair of measurements"):
        paired_difference_over_seeds([], "code")
