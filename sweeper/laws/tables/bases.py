"""The loss of the base model on each corpus, from the table's column or from its rows at tokens = 0."""

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Strings
from sweeper.laws.errors import LawError
from sweeper.laws.tables.names import listed
from sweeper.laws.tables.raw import RawTable
from sweeper.laws.tables.values import Numbers

_AGREE = 0.02
"""Relative difference up to which measurements of one base model are averaged."""
_Key = tuple[str, float, str]
"""Corpus, parameters, method (empty: of every method)."""


def base_losses(raw: RawTable, numbers: Numbers, corpus: Strings, method: Strings) -> tuple[Floats, list[str]]:
    """The base loss of every row (nats a token), NaN where it is not known, and what that costs.

    The column `base_loss` wins; then rows at tokens = 0 of the same corpus, size and method; then the one base loss
    that other rows of that corpus, size and method have.

    Raises:
        LawError: base losses of one corpus, size and method contradict each other.
    """
    given, base = numbers["base_loss"], numbers["tokens"] == 0
    sizes = np.nan_to_num(numbers["params"], nan=1.0)
    keys = list(zip(corpus.tolist(), sizes.tolist(), method.tolist(), strict=True))
    measured = _measured(raw, keys, numbers["loss"], base)
    elsewhere = _measured(raw, keys, given, ~np.isnan(given) & ~base, "base_loss") if np.isnan(given).any() else {}
    result = given.copy()
    for index in np.flatnonzero(np.isnan(given)):
        name, size, way = keys[index]
        for known in (measured, elsewhere):
            found = known.get((name, size, way), known.get((name, size, ""), np.nan))
            result[index] = found if np.isnan(result[index]) else result[index]
    return result, [*_disagreement(given, keys, measured), *_missing(result, base, corpus)]


def _measured(raw: RawTable, keys: list[_Key], values: Floats, use: Bools, name: str = "loss") -> dict[_Key, float]:
    """Means over the rows in `use`, which have to agree."""
    groups: dict[_Key, list[int]] = {}
    for index in np.flatnonzero(use):
        groups.setdefault(keys[index], []).append(int(index))
    for (corpus, size, _), rows in groups.items():
        low, high = min(rows, key=lambda i: values[i]), max(rows, key=lambda i: values[i])
        if values[high] > values[low] * (1 + _AGREE):
            what = "at tokens = 0 " if name == "loss" else ""
            of = "" if np.all(np.isnan(raw.numbers("params"))) else f" of {size:.6g} parameters"
            raise LawError(
                f"{name}: {raw.place(low)} has {values[low]:g} and {raw.place(high)} {values[high]:g} {what}for the "
                f"base model{of} on {corpus}; a law starts from one base model a size, so leave the rows of one out"
            )
    return {key: float(np.mean(values[rows])) for key, rows in groups.items()}


def _disagreement(given: Floats, keys: list[_Key], measured: dict[_Key, float]) -> list[str]:
    away = [
        key
        for key, value in dict(zip(keys, given.tolist(), strict=True)).items()
        if key in measured and abs(value / measured[key] - 1.0) > _AGREE
    ]
    if not away:
        return []
    return [f"base_loss is not the loss at tokens = 0 of {listed([key[0] for key in away])}; base_loss is used."]


def _missing(base_loss: Floats, base: Bools, corpus: Strings) -> list[str]:
    without = list(dict.fromkeys(corpus[np.isnan(base_loss) & ~base].tolist()))
    if not without:
        return []
    return [
        f"The base loss of {listed(without)} is missing (no base_loss, no row at tokens = 0): the anchored "
        "law estimates it, early losses are predicted worse, and a limit on its rise has to be given with its base "
        "loss."
    ]
