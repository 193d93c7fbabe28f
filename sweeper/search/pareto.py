"""What no other trial beats in everything, and how much that covers. All values are minimised."""

from collections.abc import Sequence

Point = Sequence[float]


def front(points: Sequence[Point]) -> list[int]:
    """Places of the points that no other is at least as good as in everything and better in something, in their order.

    Of equal points the first is kept.
    """
    kept: list[int] = []
    for i in sorted(range(len(points)), key=lambda i: (tuple(points[i]), i)):
        if not any(all(a <= b for a, b in zip(points[k], points[i], strict=True)) for k in kept):
            kept.append(i)
    return sorted(kept)


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume between points and a reference point that at least one point is better than throughout.

    Zitzler and Thiele 1998, "Multiobjective optimization using evolutionary algorithms"; computed by slicing along the
    last objective (While et al. 2006, "A faster algorithm for calculating hypervolume"): exact, exponential in the
    number of objectives and quick for the few that a search has.

    Args:
        points: (n, objectives); those that are not better than the reference in everything add nothing.
        reference: (objectives,).

    Returns:
        In the product of the objectives' units.
    """
    inside = [tuple(p) for p in points if all(x < r for x, r in zip(p, reference, strict=True))]
    return _sliced([inside[i] for i in front(inside)], tuple(reference))


def _sliced(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    if not points:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    levels = sorted({point[-1] for point in points})
    total = 0.0
    for level, above in zip(levels, [*levels[1:], reference[-1]], strict=True):
        below = [point[:-1] for point in points if point[-1] <= level]
        total += (above - level) * _sliced([below[i] for i in front(below)], reference[:-1])
    return total
