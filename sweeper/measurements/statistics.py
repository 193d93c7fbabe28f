"""Numbers made from the sums that an evaluation returns."""

import math
from collections.abc import Sequence

from trainers.messages import CorpusLoss
from trainers.statistics import bits_per_byte, bootstrap_stderr, perplexity

__all__ = ["bits_per_byte", "loss_stderr", "perplexity", "ratio_stderr"]


def ratio_stderr(amounts: Sequence[float], sizes: Sequence[float]) -> float:
    """Standard error of `sum(amounts) / sum(sizes)` when documents are drawn at random.

    The linearised ratio estimator (Cochran, Sampling Techniques, ch. 6), with the small-sample factor n / (n - 1):
    `sqrt(n / (n - 1) * sum((amount - ratio * size)^2)) / sum(sizes)`.

    Args:
        amounts: Per document, e.g. nll in nats.
        sizes: Per document, e.g. scored tokens.

    Returns:
        In units of amount / size; nan with fewer than two documents.
    """
    n, total = len(amounts), sum(sizes)
    if n < 2 or total <= 0:
        return math.nan
    ratio = sum(amounts) / total
    squares = sum((a - ratio * s) ** 2 for a, s in zip(amounts, sizes, strict=True))
    return math.sqrt(n / (n - 1) * squares) / total


def loss_stderr(measured: CorpusLoss) -> float:
    """Standard error of a corpus' loss over its documents, nats a token; nan with fewer than two documents.

    The one stored with the measurement; made the same way from its documents where a measurement is older than that.
    """
    stored = measured.stderr
    if stored is None:
        stored = bootstrap_stderr([d.nll for d in measured.documents], [d.tokens for d in measured.documents])
    return math.nan if stored is None else stored
