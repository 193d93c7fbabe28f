import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.search.pareto import front, hypervolume

POINTS = st.lists(st.tuples(*[st.floats(0, 1).map(lambda x: round(x, 2))] * 3), max_size=12)


def test_the_front_is_what_nothing_beats() -> None:
    assert front([(1, 3), (2, 2), (3, 1), (3, 3), (2, 2)]) == [0, 1, 2]


def test_a_front_of_two_covers_its_rectangles() -> None:
    assert hypervolume([(1, 3), (2, 2), (3, 1)], (4, 4)) == pytest.approx(3 + 2 + 1)


def test_a_point_beyond_the_reference_adds_nothing() -> None:
    assert hypervolume([(1, 1), (0, 4)], (2, 2)) == pytest.approx(1.0)
    assert hypervolume([], (2, 2)) == 0.0


def test_a_box_in_three_dimensions() -> None:
    assert hypervolume([(0, 0, 0)], (1, 2, 3)) == pytest.approx(6.0)
    assert hypervolume([(0, 0, 0.5), (0.5, 0.5, 0)], (1, 1, 1)) == pytest.approx(0.5 + 0.25 * 0.5)


@given(POINTS)
def test_hypervolume_agrees_with_optuna(points: list[tuple[float, ...]]) -> None:
    import numpy as np
    from optuna._hypervolume import compute_hypervolume

    inside = [p for p in points if max(p) < 0.9]
    expected = compute_hypervolume(np.array(inside), np.array([0.9] * 3)) if inside else 0.0
    assert hypervolume(points, (0.9, 0.9, 0.9)) == pytest.approx(expected)


@given(POINTS)
def test_no_point_of_the_front_is_beaten_and_every_other_is(points: list[tuple[float, ...]]) -> None:
    kept = [points[i] for i in front(points)]

    def beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return a != b and all(x <= y for x, y in zip(a, b, strict=True))

    assert len(set(kept)) == len(kept) and not any(beats(a, b) for a in kept for b in kept)
    assert all(p in kept or any(beats(k, p) for k in kept) for p in points)
