import numpy as np
import pytest

from sweeper.laws import LawError
from sweeper.laws.uses.limits import base_losses, check_constraint, limits_of, overstepped
from sweeper.laws.uses.options import options_of
from tests.laws.uses.known_laws import KnownLaws

LAWS = KnownLaws({"general": lambda n, d, r: 2 + r}, base_losses={"general": 2.0})
OPTIONS = options_of(np.array([0.0, 0.5]), 1e5, np.array([1e6, 2e6]))


def test_a_measured_base_loss_is_that_of_each_size():
    bases = base_losses(LAWS, {"general": (None, 0.1)}, OPTIONS)
    assert bases["general"] == pytest.approx([2.0, 2.0 * 2**-0.1])
    assert limits_of({"general": (None, 0.1)}, bases)["general"] == pytest.approx([2.2, 2.2 * 2**-0.1])


def test_a_given_base_loss_is_taken_at_every_size():
    assert base_losses(LAWS, {"general": (3.0, 0.1)}, OPTIONS)["general"].tolist() == [3.0, 3.0]


def test_the_worst_limit_counts():
    losses = {"a": np.array([[1.0, 2.2]]), "b": np.array([[3.3, 3.0]])}
    over = overstepped(losses, {"a": np.array([2.0, 2.0]), "b": np.array([3.0, 3.0])}, 2)
    assert over == pytest.approx(np.array([[0.1, 0.1]]))


def test_without_limits_all_hold():
    assert np.all(overstepped({}, {}, 3) == -1.0)


@pytest.mark.parametrize("pair", [(0.0, 0.1), (-1.0, 0.1), (2.0, -1.0), (None, -2.0), (2.0, float("nan"))])
def test_what_no_loss_can_be_held_to_is_refused(pair):
    with pytest.raises(LawError, match="constraint: general"):
        check_constraint(LAWS, {"general": pair})
