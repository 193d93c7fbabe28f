"""Numbers that are in another unit than the column's: perplexities, bits, millions of tokens, steps.

A table in the wrong unit fits as well as another and recommends nonsense, so what is told from the values is refused.
"""

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.errors import LawError
from sweeper.laws.tables.raw import RawTable
from sweeper.laws.tables.values import Numbers

_LARGEST = 12.0
"""Nats a token: guessing among 160,000 tokens loses ln 160,000 = 12, so no trained model loses more."""
_LARGEST_UNTRAINED = 14.0
"""The same for a base model, which may be random, with a vocabulary of a million."""
_HIGH, _LOW = 6.0, 1.25
"""Nats a token: trained models of any use lose less than the first on text, and few lose less than the second."""
_SAME = 1e-4
"""Relative difference below which two columns hold the same numbers, as printed."""
_FEW = 1000.0
"""Nobody measures a law on fewer training tokens, or on a model with fewer parameters."""
_FEW_FOR_SIZE = 1e-4
"""Training tokens over parameters below which the tokens look like steps."""
_DEPTH = 0.55
"""Losses all below this part of the base loss are in another unit: training without a corpus does not halve it."""
_ABOVE = 1.3
"""Perplexities are all above this times the base loss: exp(x) / x is at least e, and training takes little from x."""
_UNTRAINED = 6.0
"""Nats a token from which a base model may be untrained, and every loss far below its own."""


def check_units(raw: RawTable, numbers: Numbers) -> list[str]:
    """Refuses losses, tokens, sizes and areas that cannot be in the unit of their column; returns notes on doubts.

    Raises:
        LawError: they cannot; the message says what they look like and what to do.
    """
    if not np.any(numbers["tokens"] > 0):
        return []
    _check_counts(numbers)
    _check_area(raw, numbers)
    _check_against_columns(raw, numbers["loss"])
    _check_against_base(numbers)
    _check_large(raw, numbers)
    return _doubts(numbers)


def _check_counts(numbers: Numbers) -> None:
    for name, example in (("tokens", "2e9 tokens are 2000000000, 2e9 or 2B"), ("params", "1.3e9, or 1.3B")):
        largest = float(np.nanmax(numbers[name])) if not np.isnan(numbers[name]).all() else np.inf
        if largest < _FEW:
            unit = "thousands, millions, billions or steps" if name == "tokens" else "millions or billions"
            raise LawError(
                f"{name}: the largest is {largest:g}, which looks like {unit}; {name} are counted one by one "
                f"({example}), so multiply the column"
            )


def _check_area(raw: RawTable, numbers: Numbers) -> None:
    area, tokens = numbers["lr_area"], numbers["tokens"]
    above = np.flatnonzero(area > tokens * 1.001 + 1e-6)
    if above.size:
        index = int(above[0])
        raise LawError(
            f"lr_area: {raw.place(index)} has {area[index]:g}, more than its {tokens[index]:g} tokens; it is the "
            "integral of learning rate / peak over training tokens, at most the tokens themselves"
        )
    known = ~np.isnan(area) & (tokens > 0)
    if known.any() and float(np.max(area[known] / tokens[known])) < 0.02:
        raise LawError(
            "lr_area: every value is below 2 % of the tokens; it is the integral of learning rate / peak over training "
            "tokens, so divide by the peak rate, and count tokens in place of steps"
        )


def _check_against_columns(raw: RawTable, loss: Floats) -> None:
    perplexity, bits = raw.numbers("perplexity"), raw.numbers("bits_per_byte")
    if _equal(loss, perplexity):
        raise LawError("loss: the values are those of the column perplexity; a loss in nats a token is ln(perplexity)")
    if _equal(loss, np.log2(np.where(perplexity > 0, perplexity, np.nan))):
        raise LawError(
            "loss: the values are log2(perplexity), bits a token; multiply by ln 2 = 0.693147 for nats a token"
        )
    if _equal(loss, bits):
        raise LawError(
            "loss: the values are those of the column bits_per_byte; a loss in nats a token is ln 2 * bits_per_byte * "
            "bytes a token (UTF-8 bytes of the scored text / its tokens)"
        )


def _check_against_base(numbers: Numbers) -> None:
    loss, base = numbers["loss"], numbers["base_loss"]
    known = ~np.isnan(base) & (numbers["tokens"] > 0)
    if not known.any():
        return
    loss, base = loss[known], base[known]
    if float(np.min(loss / base)) > _ABOVE and abs(float(np.median(np.log(loss) / base)) - 1.0) < 0.25:
        raise LawError(
            f"loss: the median is {np.median(loss):.3g} where base_loss is {np.median(base):.3g}: the losses look like "
            "perplexities; a loss in nats a token is ln(perplexity)"
        )
    if float(np.max(loss / base)) < _DEPTH and float(np.max(base)) < _UNTRAINED:
        raise LawError(
            f"loss: no value is above {_DEPTH:g} of its base_loss, so that the two look like different units (bits per "
            "byte?); both are nats a token: ln 2 * bits per byte * bytes a token"
        )


def _check_large(raw: RawTable, numbers: Numbers) -> None:
    limit = np.where(numbers["tokens"] > 0, _LARGEST, _LARGEST_UNTRAINED)
    for name in ("loss", "base_loss"):
        values = numbers[name]
        above: Bools = values > (limit if name == "loss" else _LARGEST_UNTRAINED)
        if above.any():
            index = int(np.flatnonzero(above)[0])
            raise LawError(
                f"{name}: {raw.place(index)} has {values[index]:g}; a loss above {_LARGEST:g} nats a token is worse "
                "than guessing. If these are perplexities, the loss is ln(perplexity); if a run diverged, leave it out"
            )


def _doubts(numbers: Numbers) -> list[str]:
    """What another unit would explain, but a table may have: asked, not refused."""
    notes, trained = [], numbers["loss"][numbers["tokens"] > 0]
    tokens, params = float(numbers["tokens"].max()), numbers["params"]
    if not np.isnan(params).all() and tokens < _FEW_FOR_SIZE * float(np.nanmin(params)):
        notes.append(
            f"At most {tokens:g} tokens for {np.nanmin(params):.3g} parameters are few: if they are steps, multiply by "
            "the tokens a batch."
        )
    if float(np.median(trained)) > _HIGH:
        notes.append(
            f"The median loss is {np.median(trained):.3g}: are these perplexities? Then the loss is ln(perplexity), "
            "and everything here is wrong."
        )
    if float(trained.max()) < _LOW:
        notes.append(
            f"No loss is above {trained.max():.3g}: are these bits per byte? Then the loss is ln 2 * bits per byte * "
            "bytes a token; laws fit either, but what is said in nats is then in bits."
        )
    return notes


def _equal(values: Floats, others: Floats) -> bool:
    known = ~np.isnan(others)
    return bool(known.any() and np.all(np.abs(values[known] - others[known]) <= _SAME * np.abs(others[known])))
