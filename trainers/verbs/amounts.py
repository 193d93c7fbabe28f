"""Numbers of tokens as people write them on a command line."""

import argparse
import re

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}


def tokens(text: str) -> int:
    """`250000`, `250k`, `1.5M` or `2B`, at least 1.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMGB]?)", text.strip())
    amount = round(float(found[1]) * _UNITS[found[2]]) if found else 0
    if amount < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens ≥ 1; write 250000, 250k or 1.5M")
    return amount
