"""The number columns of a table, each value within what it can be."""

from typing import NamedTuple

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.errors import LawError
from sweeper.laws.tables.names import REQUIRED
from sweeper.laws.tables.raw import RawTable

NUMBERS = (
    "params", "tokens", "loss", "stderr", "base_loss", "lr_area", "lr_fraction", "unique_tokens", "epochs", "seed",
    "lora_r", "learning_rate",
)  # fmt: skip
"""Columns of numbers that the laws use, beside the mixture."""
Numbers = dict[str, Floats]


class _Allowed(NamedTuple):
    low: float
    high: float
    words: str


_LOSS = _Allowed(1e-9, np.inf, "a positive number of nats a token")
_ALLOWED = {
    "tokens": _Allowed(0.0, np.inf, "0 or more tokens"),
    "loss": _LOSS,
    "base_loss": _LOSS,
    "stderr": _Allowed(0.0, np.inf, "0 or more nats a token"),
    "params": _Allowed(1.0, np.inf, "1 or more parameters, counted one by one (1.3e9, or 1.3B)"),
    "lr_area": _Allowed(0.0, np.inf, "0 or more tokens"),
    "lr_fraction": _Allowed(0.0, 1.0 + 1e-9, "between 0 and 1"),
    "unique_tokens": _Allowed(0.0, np.inf, "0 or more tokens"),
    "epochs": _Allowed(0.0, np.inf, "0 or more passes over the corpus"),
    "learning_rate": _Allowed(1e-30, np.inf, "a positive rate"),
    "lora_r": _Allowed(0.0, np.inf, "0 or more"),
    "seed": _Allowed(-np.inf, np.inf, "a finite number"),
}


def read_numbers(raw: RawTable) -> Numbers:
    """Every number column; NaN where a value, or the whole column, is missing.

    Raises:
        LawError: a value is not allowed, or missing where one is needed; named with its row.
    """
    numbers = {name: raw.numbers(name) for name in NUMBERS}
    for name in NUMBERS:
        check_values(
            raw, name, numbers[name], needed=name in REQUIRED or (name == "params" and "params" in raw.columns)
        )
    return numbers


def check_values(raw: RawTable, name: str, values: Floats, *, needed: bool) -> None:
    """Refuses the first value that column `name` cannot have.

    Raises:
        LawError: there is one, or one is missing where it is needed.
    """
    low, high, words = _ALLOWED[name]
    zero_rate = (values == 0) & (raw.numbers("tokens") == 0) if name == "learning_rate" else False
    wrong: Bools = ((values < low) | (values > high) | np.isinf(values)) & ~np.asarray(zero_rate, dtype=np.bool_)
    if needed:
        wrong |= np.isnan(values)
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        has = "has no value" if np.isnan(values[index]) else f"has {values[index]:.10g}"
        raise LawError(
            f"{name}: {raw.place(index)} {has}, allowed is {words}; mend or leave out the row{_more(int(wrong.sum()))}"
        )


def _more(count: int) -> str:
    return "" if count == 1 else f" (and {count - 1} more like it)"
