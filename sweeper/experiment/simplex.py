"""Mixtures within bounds: shares that sum to 1, each between its own limits, and the dimensions that they have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Bounds = tuple[float, float]
DIGITS = 9
"""Of a share: what is beyond them is rounding, as in 1 - 0.9."""
TOLERANCE = 1e-9
"""Of sums of shares: far below one block in any training."""


@dataclass(frozen=True)
class Simplex:
    """All mixtures whose shares sum to 1 and lie within `bounds`.

    Its first dimension is the target's share itself, so that a search looks at all ratios alike, however many corpora
    fill up the rest. The others are divided one after another, the last takes what is left: the dimension of each is a
    number from 0 to 1 that says where its share lies between what the corpora after it leave to it at least and at
    most; 0.5 is the share at which all of them lie equally high within their bounds.
    """

    target: str
    bounds: tuple[tuple[str, Bounds], ...]
    """By corpus, in the file's order."""

    @property
    def others(self) -> dict[str, Bounds]:
        """Bounds of the corpora beside the target."""
        return {name: limits for name, limits in self.bounds if name != self.target}

    def target_bounds(self) -> Bounds:
        """The target's bounds, and within what the others can fill up."""
        low, high = dict(self.bounds)[self.target]
        least, most = _sums(self.others)
        return round(max(low, 1.0 - most), DIGITS), round(min(high, 1.0 - least), DIGITS)

    def free(self) -> tuple[str, ...]:
        """The other corpora that have a dimension: all but the last, and but those of one fixed share."""
        movable = [name for name, (low, high) in self.others.items() if high > low]
        return tuple(movable[:-1])

    def mixture(self, places: Mapping[str, float]) -> dict[str, float]:
        """The shares of all corpora from the values of the dimensions.

        Args:
            places: The target's share, and a number from 0 to 1 for each of `free`.
        """
        ratio = places[self.target]
        shares = {self.target: ratio}
        for name, least, fair, most in self._ways(1.0 - ratio, shares):
            place = places.get(name, 0.5)
            share = least + 2 * place * (fair - least) if place < 0.5 else fair + (2 * place - 1) * (most - fair)
            shares[name] = max(0.0, share)  # sums round
        return {name: shares[name] for name, _ in self.bounds}

    def places(self, mixture: Mapping[str, float]) -> dict[str, float]:
        """The values of the dimensions that give a mixture: the inverse of `mixture`."""
        free = self.free()
        shares = {self.target: mixture[self.target]}
        found = dict(shares)
        for name, least, fair, most in self._ways(1.0 - mixture[self.target], shares):
            share = shares[name] = mixture[name]
            lower, width = (0.0, fair - least) if share < fair else (0.5, most - fair)
            if name in free:
                within = (share - (least if share < fair else fair)) / width if width > 0 else 0.0
                found[name] = min(1.0, max(0.0, lower + within / 2))
        return found

    def _ways(self, rest: float, shares: Mapping[str, float]) -> Iterator[tuple[str, float, float, float]]:
        """Of each other corpus the least, fair and greatest share; `shares` is filled in between by the caller."""
        waiting = self.others
        for name, (low, high) in self.others.items():
            del waiting[name]
            left = rest - sum(share for other, share in shares.items() if other != self.target)
            least_after, most_after = _sums(waiting)
            least, most = max(low, left - most_after), min(high, left - least_after)
            span = high - low + most_after - least_after
            fair = low + (high - low) * (left - low - least_after) / span if span > 0 else low
            yield name, least, min(most, max(least, fair)), most


def infeasible(bounds: Mapping[str, Bounds]) -> str | None:
    """Why no mixture lies within bounds, with the numbers; None where there is one."""
    least, most = _sums(bounds)
    if least > 1.0 + TOLERANCE:
        return f"the lowest shares sum to {least:g}, more than 1; lower some of them"
    if most < 1.0 - TOLERANCE:
        return f"the highest shares sum to {most:g}, less than 1; raise some of them"
    return None


def _sums(bounds: Mapping[str, Bounds]) -> Bounds:
    return sum(low for low, _ in bounds.values()), sum(high for _, high in bounds.values())
