"""The points of `predict`: read, checked row by row, predicted corpus by corpus."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.errors import SweeperError

if TYPE_CHECKING:
    from sweeper.laws import LawSet, Prediction
    from sweeper.laws.arrays import Floats, Ints, Strings
    from sweeper.laws.tables.raw import RawTable

_TOGETHER = 256
"""Points predicted in one call: a thousand draws of each are held at a time."""
_NUMBERS = ("tokens", "domain_ratio", "params", "lr_area", "lr_fraction", "unique_tokens", "lora_r")


@dataclass(frozen=True)
class Asked:
    """Checked points; arrays have one entry a point."""

    raw: "RawTable"
    given: dict[str, list[Any]]
    """Every column as it was given; a measured `loss` as `loss_measured`."""
    corpus: "Strings"
    numbers: "dict[str, Floats]"
    own: "Floats"
    """Share of the point's own corpus; NaN where the domain ratio says it."""
    notes: list[str]

    def __len__(self) -> int:
        return len(self.corpus)


def read_points(path: Path, laws: "LawSet") -> Asked:
    """The points of a CSV or parquet file.

    Raises:
        SweeperError: no such file, or no points.
        LawError: a column is missing or a value not allowed; named with its row.
    """
    from sweeper.laws.tables.raw import raw_table
    from sweeper.measurements import read_columns

    if not path.is_file():
        raise SweeperError(f"--points: there is no file {path}")
    found = read_columns(path)
    raw = raw_table(found.columns, found.lines) if any(found.columns.values()) else None
    _check_columns(list(found.columns), laws, path)
    if raw is None:
        raise SweeperError(f"--points: {path} has no points below its header")
    return _asked(raw, found.columns, laws)


def predict_points(
    laws: "LawSet", asked: Asked, *, level: float, noise: bool
) -> tuple[list[dict[str, Any]], list[str]]:
    """Loss, interval, size and extrapolation of every point, and notes.

    Raises:
        LawError: a law does not reach a point; named with its row.
    """
    rows: list[dict[str, Any]] = [{} for _ in range(len(asked))]
    notes = list(asked.notes)
    for corpus in dict.fromkeys(asked.corpus.tolist()):
        early = np.flatnonzero((asked.corpus == corpus) & (asked.numbers["tokens"] == 0))
        for index in early:
            rows[index] = _before_training(laws, asked, int(index))
        where = np.flatnonzero((asked.corpus == corpus) & (asked.numbers["tokens"] > 0))
        for start in range(0, len(where), _TOGETHER):
            part = where[start : start + _TOGETHER]
            found = _predict(laws, asked, part, level, noise)
            reach = asked.numbers["tokens"][part] / laws.corpus(corpus).reach(asked.numbers["params"][part])
            notes += [f"{corpus}: {note}" for note in found.notes]
            for i, index in enumerate(part):
                rows[index] = {
                    "params": float(asked.numbers["params"][index]),
                    "loss": float(found.loss[i]),
                    "loss_low": float(found.low[i]),
                    "loss_high": float(found.high[i]),
                    "extrapolation": float(reach[i]),
                }
    return rows, list(dict.fromkeys(notes))


def _before_training(laws: "LawSet", asked: Asked, index: int) -> dict[str, Any]:
    """At 0 tokens the loss is the base model's, which was measured."""
    from sweeper.laws import LawError

    params = float(asked.numbers["params"][index])
    try:
        base = laws.base_loss(str(asked.corpus[index]), params)
    except LawError as error:
        raise LawError(f"tokens: {asked.raw.place(index)} has 0: {error}") from error
    return {"params": params, "loss": base, "loss_low": base, "loss_high": base, "extrapolation": 0.0}


def _predict(laws: "LawSet", asked: Asked, part: "Ints", level: float, noise: bool) -> "Prediction":
    """One call for points of one corpus; where the law refuses, point by point, to say which it is."""
    from sweeper.laws import LawError

    corpus, numbers = str(asked.corpus[part[0]]), {name: values[part] for name, values in asked.numbers.items()}
    ratio = numbers.pop("domain_ratio")
    own = np.where(np.isnan(asked.own[part]), laws.own_share(corpus, ratio), asked.own[part])
    try:
        return laws.predict(corpus, shares={corpus: own, laws.target: ratio}, level=level, noise=noise, **numbers)
    except LawError as error:
        if len(part) == 1:
            raise LawError(f"{asked.raw.place(int(part[0]))}: {error}") from error
        for index in part:
            _predict(laws, asked, np.array([index]), level, noise)
        raise


def _check_columns(names: list[str], laws: "LawSet", path: Path) -> None:
    from sweeper.laws.tables.names import KNOWN, RATIO, nearest

    mixture = "domain_ratio" if RATIO + laws.target not in names else RATIO + laws.target
    needed = ("corpus", "tokens", mixture)
    for name in names:
        if (
            name not in KNOWN
            and not name.startswith(RATIO)
            and (meant := nearest(name.lower(), set(KNOWN) - set(names)))
        ):
            raise SweeperError(
                f"--points: {path} has a column {name!r}; did you mean {meant}? Rename it or leave it out"
            )
    for name in needed:
        if name not in names:
            raise SweeperError(f"--points: {path} has no column {name!r}; needed: {', '.join(needed)}")


def _asked(raw: "RawTable", given: dict[str, list[Any]], laws: "LawSet") -> Asked:
    from sweeper.laws.tables.names import RATIO
    from sweeper.laws.tables.shares import check_shares
    from sweeper.laws.tables.values import check_values

    corpus = raw.strings("corpus")
    numbers = {name: raw.numbers(name) for name in _NUMBERS}
    for index, name in enumerate(corpus.tolist()):
        if name not in laws.corpora:
            _refuse_corpus(raw, index, name, laws)
    notes = _fill_sizes(laws, numbers, corpus)
    _check_method(raw, laws)
    if "learning_rate" in raw.columns:
        notes.append("learning_rate: these laws are of the learning rates that were measured; the column is not used.")
    for name in ("tokens", "params", "lr_area", "lr_fraction", "unique_tokens"):
        check_values(raw, name, numbers[name], needed=name == "tokens")
    target = RATIO + laws.target
    ratio = np.where(np.isnan(raw.numbers(target)), numbers["domain_ratio"], raw.numbers(target))
    ratio = np.where((numbers["tokens"] == 0) & np.isnan(ratio), 0.0, ratio)
    check_shares(raw, target if target in raw.columns else "domain_ratio", ratio)
    numbers["domain_ratio"] = ratio
    return Asked(raw, _renamed(given), corpus, numbers, _own(raw, corpus), notes)


def _check_method(raw: "RawTable", laws: "LawSet") -> None:
    """A law is a law of one method: points of another would get its losses silently."""
    from sweeper.laws import LawError

    for index, method in enumerate(raw.strings("method").tolist()):
        if method and laws.method and method != laws.method:
            raise LawError(
                f"method: {raw.place(index)} has {method}, these laws are of {laws.method}; fit with --method {method}"
            )


def _fill_sizes(laws: "LawSet", numbers: "dict[str, Floats]", corpus: "Strings") -> list[str]:
    """The largest measured size where a point has none; the only one where the table did not say sizes."""
    from sweeper.cli.laws_file import sizes_of

    given = numbers["params"]
    if sizes_of(laws):
        largest = np.array([max(laws.corpora[name].max_tokens) for name in corpus.tolist()])
        numbers["params"] = np.where(np.isnan(given), largest, given)
        return []
    numbers["params"] = np.ones(len(corpus))
    return (
        []
        if np.isnan(given).all()
        else ["The fitted table has no params, so the laws are of one size: it is not used."]
    )


def _refuse_corpus(raw: "RawTable", index: int, name: str, laws: "LawSet") -> None:
    from sweeper.laws import LawError
    from sweeper.laws.tables.names import listed, nearest_name

    meant = nearest_name(name, laws.corpora)
    hint = f"; did you mean {meant!r}?" if meant else ""
    has = f"no law was fitted for {name!r}" if name else "no value"
    raise LawError(f"corpus: {raw.place(index)}: {has}; there are laws for {listed(list(laws.corpora))}{hint}")


def _own(raw: "RawTable", corpus: "Strings") -> "Floats":
    """The share that a column `ratio.NAME` gives each point's own corpus."""
    from sweeper.laws.tables.names import RATIO
    from sweeper.laws.tables.shares import check_shares

    own = np.full(len(raw), np.nan)
    for name in raw.columns:
        if name.startswith(RATIO):
            share = raw.numbers(name)
            check_shares(raw, name, np.nan_to_num(share))
            own = np.where(corpus == name.removeprefix(RATIO), share, own)
    return own


def _renamed(given: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What is predicted does not overwrite what was measured."""
    return {"loss_measured" if name == "loss" else name: values for name, values in given.items()}
