"""Amounts as people write them: `80k`, `2M`, `1.5B` tokens; `8MB`, `1GB` bytes."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from sweeper.experiment.errors import ExperimentError
from sweeper.experiment.section import Allowed, Unit, problem

TOKEN_UNITS: Mapping[str, int] = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
"""Suffixes of token quantities, in rising order."""
BYTE_UNITS: Mapping[str, int] = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
"""Suffixes of byte quantities: powers of 1000, and of 1024 with an i."""

_NUMBER = re.compile(r"\s*(\d[\d_]*(?:\.\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)
_TOKENS_ALLOWED = "a whole number of tokens, such as 80000, 80k, 2M or 1.5B"
_BYTES_ALLOWED = "a whole number of bytes, such as 8000000, 8MB, 1.5GB or 512MiB"


def parse_tokens(value: object) -> int:
    """Read a token quantity: a whole number, or a number with k, M, B or T (either case).

    Raises:
        ExperimentError: it is neither, or not a whole number of tokens.
    """
    return _parse(value, TOKEN_UNITS, _TOKENS_ALLOWED)


def parse_bytes(value: object) -> int:
    """Read a byte quantity: a whole number, or a number with B, kB, MB, GB, TB or KiB, MiB, GiB, TiB (any case).

    Raises:
        ExperimentError: it is neither, or not a whole number of bytes.
    """
    return _parse(value, BYTE_UNITS, _BYTES_ALLOWED)


def format_tokens(tokens: int) -> str:
    """The shortest exact way to write a token quantity, with at most two decimals: 80k, 1.25M, 1234."""
    return _format(tokens, TOKEN_UNITS)


def format_bytes(size: int) -> str:
    """The shortest exact way to write a byte quantity, with at most two decimals: 8MB, 1.5GB, 1234B."""
    return _format(size, {name: scale for name, scale in BYTE_UNITS.items() if "i" not in name})


def _parse(value: object, units: Mapping[str, int], allowed: str) -> int:
    amount = _amount(value, units)
    if amount is None or amount < 0 or amount != int(amount):
        raise ExperimentError(f"{value!r} is not {allowed}")
    return int(amount)


def _amount(value: object, units: Mapping[str, int]) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        number = Decimal(value)
        return number if number.is_finite() else None
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    scale = match and {name.lower(): scale for name, scale in {"": 1, **units}.items()}.get(match[2].lower())
    return Decimal(match[1].replace("_", "")) * scale if match and scale else None


def _format(amount: int, units: Mapping[str, int]) -> str:
    fits = [(name, scale) for name, scale in units.items() if amount >= scale and (100 * amount) % scale == 0]
    name, scale = fits[-1] if fits else next(iter(units.items()))
    return f"{Decimal(amount) / Decimal(scale):f}{name}"


def _read_tokens(value: object) -> int:
    try:
        return parse_tokens(value)
    except ExperimentError as error:
        raise problem(str(error)) from None


def _read_bytes(value: object) -> int:
    try:
        return parse_bytes(value)
    except ExperimentError as error:
        raise problem(str(error)) from None


MOST = 10**18
"""Of tokens or bytes: beyond any text, and still a number that floating point can hold."""
Tokens = Annotated[
    int, BeforeValidator(_read_tokens), Field(ge=1, le=MOST), Unit("tokens"), Allowed("≥ 1; 80k, 2M, 1.5B are read")
]
"""A number of tokens, at least 1."""
Bytes = Annotated[
    int, BeforeValidator(_read_bytes), Field(ge=1, le=MOST), Unit("bytes"), Allowed("≥ 1; 8MB, 1GB are read")
]
"""A number of bytes, at least 1."""
