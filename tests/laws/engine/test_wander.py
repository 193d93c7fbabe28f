import numpy as np
import pytest

from sweeper.laws.engine.wander import Variants, onset, wander_features


def test_deviations_start_at_nothing_and_have_unit_variance_once_under_way():
    share = np.array([0.0, 0.3, 1.0])
    assert wander_features(np.zeros(3), share) == pytest.approx(0.0)
    late = np.ones(3)
    variance = np.sum(wander_features(late, share) ** 2, axis=1)
    assert variance == pytest.approx(onset(late) ** 2, rel=0.05)


def test_near_points_deviate_alike_and_far_ones_each_for_itself():
    area, share = np.ones(3), np.array([0.5, 0.52, 0.0])
    features = wander_features(area, share)
    products = features @ features.T / onset(area) ** 2
    assert products[0, 1] > 0.99
    assert products[0, 2] < 0.3


def test_one_kind_of_run_has_nothing_to_tell_apart():
    assert Variants(np.zeros((1, 3))).features(np.zeros((5, 3))) == pytest.approx(np.ones((5, 1)))


def test_near_sizes_are_alike():
    known = np.array([[0.0, 0, 0], [0.5, 0, 0], [3.0, 0, 0]])
    features = Variants(known).likeness(known)
    products = features @ features.T
    assert np.diag(products) == pytest.approx(1.0, abs=1e-5)
    assert products[0, 1] > 0.9 > 0.3 > products[0, 2]


def test_a_size_between_two_lies_between_them():
    known = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    linear = Variants(known).features(np.array([[0.0, 0, 0], [0.5, 0, 0], [1.0, 0, 0]]))[:, 1]
    assert linear[0] < linear[1] < linear[2]


def test_a_level_between_and_beyond_known_sizes_follows_the_line_through_them():
    known = np.array([[0.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0]])
    line, bent = np.array([4.0, 3.5, 2.5]), np.array([4.0, 3.6, 2.5])
    at = np.array([[-1.0, 0, 0], [0.5, 0, 0], [2.0, 0, 0], [5.0, 0, 0]])
    assert Variants(known).levels(at) @ line == pytest.approx([4.5, 3.75, 3.0, 1.5])
    assert Variants(known).levels(known) @ bent == pytest.approx(bent)


def test_the_level_of_a_single_kind_is_that_of_all():
    assert Variants(np.zeros((1, 3))).levels(np.full((2, 3), 7.0)) == pytest.approx(np.ones((2, 1)))
