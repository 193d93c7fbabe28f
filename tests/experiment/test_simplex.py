import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sweeper.experiment.simplex import Simplex, infeasible

UNIT = st.floats(0.0, 1.0)


@st.composite
def simplices(draw: st.DrawFn) -> Simplex:
    """Bounds of 2 to 6 corpora that hold at least one mixture."""
    ends = draw(st.lists(st.tuples(UNIT, UNIT).map(sorted), min_size=2, max_size=6))
    bounds = tuple((f"c{i}", (low, high)) for i, (low, high) in enumerate(ends))
    assume(infeasible(dict(bounds)) is None)
    return Simplex(draw(st.sampled_from([name for name, _ in bounds])), bounds)


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[Simplex, dict[str, float]]:
    """A simplex, and the mixture at a place in it."""
    simplex = draw(simplices())
    low, high = simplex.target_bounds()
    places = {simplex.target: low + draw(UNIT) * (high - low)}
    return simplex, simplex.mixture(places | {name: draw(UNIT) for name in simplex.free()})


@given(mixtures())
def test_every_place_is_a_mixture_within_its_bounds(drawn: tuple[Simplex, dict[str, float]]) -> None:
    simplex, mixture = drawn
    assert sum(mixture.values()) == pytest.approx(1.0, abs=1e-8)
    for name, (low, high) in simplex.bounds:
        assert low - 1e-8 <= mixture[name] <= high + 1e-8
        assert mixture[name] >= 0.0


@given(mixtures())
def test_a_mixture_leads_back_to_itself(drawn: tuple[Simplex, dict[str, float]]) -> None:
    simplex, mixture = drawn
    places = simplex.places(mixture)
    assert set(places) == {simplex.target, *simplex.free()}
    assert simplex.mixture(places) == pytest.approx(mixture, abs=1e-8)


def test_the_targets_dimension_is_its_share_within_what_the_others_can_fill() -> None:
    simplex = Simplex("code", (("general", (0.2, 0.5)), ("code", (0.1, 0.9)), ("law", (0.0, 0.2))))
    assert simplex.target_bounds() == (0.3, 0.8)
    assert simplex.mixture({"code": 0.4})["code"] == 0.4


def test_one_other_corpus_takes_the_rest_and_has_no_dimension() -> None:
    simplex = Simplex("code", (("general", (0.0, 1.0)), ("code", (0.1, 0.9))))
    assert simplex.free() == ()
    assert simplex.mixture({"code": 0.25}) == {"general": 0.75, "code": 0.25}


def test_a_fixed_share_has_no_dimension_wherever_it_stands() -> None:
    bounds = (("a", (0.1, 0.1)), ("b", (0.0, 1.0)), ("t", (0.2, 0.6)), ("c", (0.0, 1.0)), ("d", (0.2, 0.2)))
    simplex = Simplex("t", bounds)
    assert simplex.free() == ("b",)
    mixture = simplex.mixture({"t": 0.4, "b": 0.0})
    assert mixture == pytest.approx({"a": 0.1, "b": 0.0, "t": 0.4, "c": 0.3, "d": 0.2})


def test_the_middle_treats_equal_corpora_alike() -> None:
    simplex = Simplex("t", (("t", (0.1, 0.9)), ("a", (0.0, 1.0)), ("b", (0.0, 1.0)), ("c", (0.0, 1.0))))
    assert simplex.mixture({"t": 0.4, "a": 0.5, "b": 0.5}) == pytest.approx({"t": 0.4, "a": 0.2, "b": 0.2, "c": 0.2})


def test_ends_of_a_dimension_are_the_ends_of_what_is_left() -> None:
    simplex = Simplex("t", (("t", (0.0, 1.0)), ("a", (0.1, 0.5)), ("b", (0.0, 0.3))))
    assert simplex.mixture({"t": 0.5, "a": 0.0})["a"] == pytest.approx(0.2)  # b holds 0.3 at most
    assert simplex.mixture({"t": 0.5, "a": 1.0})["a"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("bounds", "why"),
    [
        ({"a": (0.6, 1.0), "b": (0.5, 1.0)}, "the lowest shares sum to 1.1, more than 1"),
        ({"a": (0.0, 0.4), "b": (0.0, 0.5)}, "the highest shares sum to 0.9, less than 1"),
    ],
)
def test_bounds_that_hold_no_mixture_are_said_with_their_sum(bounds: dict[str, tuple[float, float]], why: str) -> None:
    assert why in str(infeasible(bounds))
    assert infeasible({"a": (0.5, 0.5), "b": (0.5, 0.5)}) is None
