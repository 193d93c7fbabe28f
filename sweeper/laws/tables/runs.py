"""Which rows belong to one run, and rows that measure one point twice."""

from collections.abc import Iterable

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Strings
from sweeper.laws.errors import LawError
from sweeper.laws.tables.raw import RawTable
from sweeper.laws.tables.values import Numbers

_SETTING = ("params", "learning_rate", "lora_r", "seed")
_MOMENT = ("tokens", "lr_area", "lr_fraction", "unique_tokens")
_SAME_RUN = 2e-3
"""Relative difference up to which two losses of one run at one point are one measurement, taken again."""
_OTHER_RUN = 0.1
"""The same for runs that may differ in their seed."""
_ONE_MIXTURE = 0.05
"""A run's share of the target, as measured, stays within this."""
_Key = tuple[str, ...]


def read_runs(
    raw: RawTable, numbers: Numbers, corpus: Strings, method: Strings, ratio: Floats
) -> tuple[Strings, Bools, list[str]]:
    """The run of every row, which rows to keep, and notes.

    Rows without a `trial` belong to the run of their mixture, size, method, rate, rank and seed; where such rows
    measure a point several times they are repeated runs. A row that repeats a measurement of its own run is left out.

    Raises:
        LawError: two rows contradict each other.
    """
    settings = _keys([method, np.round(ratio, 9), *(numbers[name] for name in _SETTING)])
    trial, trained = raw.strings("trial"), numbers["tokens"] > 0
    named, notes = trial != "", []
    if _reused(trial, settings, ratio, trained & named):
        notes.append("Some names in trial stand at several mixtures or settings: these are taken for different runs.")
        trial = np.array([f"{t}/{'/'.join(s)}" for t, s in zip(trial.tolist(), settings, strict=True)], dtype=np.str_)
    runs = [str(t) if n else "/".join(s) for t, n, s in zip(trial, named, settings, strict=True)]
    points = _keys([corpus, np.array(runs), method, *(numbers[name] for name in (*_SETTING, *_MOMENT))])
    occurrence = _occurrences(points)
    first: dict[_Key, int] = {}
    keep = np.ones(len(runs), dtype=np.bool_)
    for index in np.flatnonzero(trained):
        earlier = first.setdefault(points[index], int(index))
        if earlier != index:
            keep[index] = _differs(raw, numbers["loss"], earlier, int(index), corpus[index], bool(named[index]))
            runs[index] += f" #{occurrence[index] + 1}"
    return np.array(runs, dtype=np.str_), keep, notes + _repeats(keep, trained, named, occurrence)


def _keys(columns: Iterable[Strings | Floats]) -> list[_Key]:
    """One key a row, the same for the same values (as text: NaN is not itself)."""
    return [tuple(map(str, values)) for values in zip(*(column.tolist() for column in columns), strict=True)]


def _occurrences(points: list[_Key]) -> list[int]:
    """How many earlier rows have the same key."""
    seen: dict[_Key, int] = {}
    result = []
    for point in points:
        result.append(seen.get(point, 0))
        seen[point] = result[-1] + 1
    return result


def _reused(trial: Strings, settings: list[_Key], ratio: Floats, rows: Bools) -> bool:
    """Whether a name stands for runs that cannot be one: shares far apart, or another setting beside the mixture."""
    ratios: dict[str, list[float]] = {}
    others: dict[str, set[_Key]] = {}
    for index in np.flatnonzero(rows):
        name, (method, _, *rest) = str(trial[index]), settings[index]
        ratios.setdefault(name, []).append(float(ratio[index]))
        others.setdefault(name, set()).add((method, *rest))
    return any(max(each) - min(each) > _ONE_MIXTURE for each in ratios.values()) or any(
        len(each) > 1 for each in others.values()
    )


def _differs(raw: RawTable, loss: Floats, earlier: int, index: int, corpus: str, named: bool) -> bool:
    """Whether a row adds a measurement (a repeated run), or says again what an earlier one said.

    Raises:
        LawError: it contradicts it.
    """
    away = abs(float(loss[index] / loss[earlier]) - 1.0)
    if away <= (_SAME_RUN if named else 1e-9):
        return False
    if not named and away <= _OTHER_RUN:
        return True
    which = "of one trial" if named else "with nothing that tells runs apart"
    hint = (
        "leave one out"
        if named
        else "if they are different runs, say so in a column trial (or say in what they differ: seed, learning_rate, "
        "params); else leave one out"
    )
    raise LawError(
        f"loss: {raw.place(earlier)} has {loss[earlier]:g} and {raw.place(index)} {loss[index]:g} for {corpus} at the "
        f"same point {which}; {hint}"
    )


def _repeats(keep: Bools, trained: Bools, named: Bools, occurrence: list[int]) -> list[str]:
    notes = []
    if not keep.all():
        notes.append(f"{int((~keep).sum())} rows say again what an earlier one says and are left out.")
    again = int(np.sum(keep & trained & ~named & (np.array(occurrence) > 0)))
    if again:
        notes.append(
            f"{again} rows measure a point again, without a trial or seed of their own: they are taken for repeated "
            "runs."
        )
    return notes
