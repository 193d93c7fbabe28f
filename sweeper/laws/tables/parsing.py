"""Single values as numbers, whatever file they came from."""

import re
from typing import Any

import numpy as np

_MISSING = frozenset(("", "nan", "na", "n/a", "<na>", "nat", "none", "null"))
_AMOUNT = re.compile(r"(\d[\d_]*(?:\.\d+)?)\s*([kmbt])", re.ASCII | re.IGNORECASE)
_SCALE = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def is_missing(value: Any) -> bool:
    """None, NaN, an empty cell, or what data frames and people write for one (told by its text)."""
    if isinstance(value, float):
        return bool(np.isnan(value))
    return value is None or (not isinstance(value, int) and str(value).strip().lower() in _MISSING)


def parse_number(value: Any, *, amount: bool = False) -> float:
    """A value as a float; NaN where it is missing.

    Args:
        value: A number, or text that is one.
        amount: Whether a suffix (k, M, B, T) is read, as in 160k tokens.

    Raises:
        ValueError: it is no number; the message ends a sentence that begins with the value.
    """
    if is_missing(value):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("which is too large for a number") from None
    except (TypeError, ValueError):
        text = str(value).strip()
    if amount and (found := _AMOUNT.fullmatch(text)):
        return float(found[1].replace("_", "")) * _SCALE[found[2].lower()]
    if text.endswith("%"):
        raise ValueError("which is not a number; write 25% as 0.25")
    if "," in text:
        raise ValueError("which is not a number; write it without separators and with a decimal point, as in 1234.5")
    raise ValueError("which is not a number")
