"""Numbers made from the sums of an evaluation. Free of torch."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
_AT_ONCE = 2**21
"""Documents drawn at once: bounds the memory of a bootstrap over very many documents."""


def bits_per_byte(nll: float, size: float) -> float:
    """Bits to code one byte of text: `nll` in nats over `size` UTF-8 bytes; nan for no text."""
    return nll / math.log(2) / size if size > 0 else math.nan


def perplexity(loss: float) -> float:
    """exp(loss); infinite where that is too large for a float."""
    return math.exp(loss) if not loss > 700 else math.inf


def bootstrap_stderr(amounts: Sequence[float], sizes: Sequence[float], resamples: int = RESAMPLES) -> float | None:
    """Standard error of `sum(amounts) / sum(sizes)` when documents are drawn at random, by the bootstrap.

    Whole documents are drawn with replacement, as many as there are (Efron and Tibshirani 1993, chapter 6), `resamples`
    times with a fixed seed; tokens of one document are not independent. The spread is multiplied by sqrt(n / (n - 1)),
    without which the bootstrap of n documents is too narrow by that much (ibid., section 5.3).

    Args:
        amounts: per document, e.g. nll in nats.
        sizes: per document, e.g. scored tokens; those of size 0 do not count.
        resamples: how many times; 1,000 give the standard error to about 2 %.

    Returns:
        In units of amount / size; None with fewer than two documents, whose spread nobody can know.
    """
    pairs = np.array([pair for pair in zip(amounts, sizes, strict=True) if pair[1] > 0], dtype=np.float64)
    n = len(pairs)
    if n < 2:
        return None
    rng = np.random.Generator(np.random.PCG64(n))
    rounds = max(1, _AT_ONCE // n)
    ratios = [_ratios(pairs, rng, min(rounds, resamples - done)) for done in range(0, resamples, rounds)]
    return float(np.concatenate(ratios).std(ddof=1) * math.sqrt(n / (n - 1)))


def _ratios(pairs: NDArray[np.float64], rng: np.random.Generator, rounds: int) -> NDArray[np.float64]:
    """(rounds,) sums of amounts over sums of sizes, each of documents drawn anew from `pairs` (documents, 2)."""
    drawn = rng.integers(0, len(pairs), size=(rounds, len(pairs)))
    amounts, sizes = pairs[:, 0][drawn].sum(axis=1), pairs[:, 1][drawn].sum(axis=1)
    ratios: NDArray[np.float64] = amounts / sizes
    return ratios
