"""What the parts of the benchmark `laws` hand to its entry."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One number beside the one that it is held against."""

    what: str
    published: float | None
    """None: there is nothing to compare with."""
    ours: float
    difference: float
    """In the units of `tolerance`."""
    tolerance: float
    unit: str = ""
    """Of difference and tolerance: empty for that of the numbers, `%` where they are relative."""
    goal: str = ""
    """How to read a row with nothing published."""

    @property
    def passed(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.difference) <= self.tolerance


def relative(what: str, published: float, ours: float, percent: float) -> Row:
    """A row whose difference is a percentage of what was published."""
    return Row(what, published, ours, 100.0 * (ours / published - 1.0), percent, "%")


def absolute(what: str, published: float, ours: float, tolerance: float) -> Row:
    """A row whose difference is in the units of the numbers."""
    return Row(what, published, ours, ours - published, tolerance)


def text_of(rows: Sequence[Row]) -> str:
    """A line a row, in columns."""
    width = max((len(row.what) for row in rows), default=4)
    lines = [f"{'what':<{width}}  {'published':>10}  {'ours':>10}  {'difference':>11}  {'tolerance':>10}"]
    for row in rows:
        published = "-" if row.published is None else f"{row.published:.5g}"
        lines.append(
            f"{row.what:<{width}}  {published:>10}  {row.ours:>10.5g}  {row.difference:>10.3g}{row.unit or ' '}  "
            f"{row.tolerance:>9.3g}{row.unit or ' '}  {'ok' if row.passed else 'FAILED'}  {row.goal}".rstrip()
        )
    return "\n".join(lines)


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
