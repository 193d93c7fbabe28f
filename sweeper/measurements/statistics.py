"""Numbers made from the sums that an evaluation returns."""

import math
from collections.abc import Sequence

from trainers.messages import CorpusLoss


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
    """Standard error of a corpus' loss over its documents, nats a token; nan with fewer than two documents."""
    scored = [d for d in measured.documents if d.tokens > 0]
    return ratio_stderr([d.nll for d in scored], [d.tokens for d in scored])


def bits_per_byte(nll: float, size: float) -> float:
    """Bits to code one byte of text: `nll` in nats over `size` UTF-8 bytes; nan for no text."""
    return nll / math.log(2) / size if size > 0 else math.nan


def perplexity(loss: float) -> float:
    """exp(loss); infinite where that is too large for a float."""
    return math.exp(loss) if not loss > 700 else math.inf
