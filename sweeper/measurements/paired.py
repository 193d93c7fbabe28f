"""Two trained models on the same held-out documents: the difference of their losses, and how sure it is."""

import math
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

from sweeper.measurements.errors import MeasurementError
from sweeper.measurements.statistics import ratio_stderr
from trainers.messages import CorpusLoss, Measurement

Split = Literal["valid", "test"]


class PairedDifference(NamedTuple):
    """Loss of the first minus loss of the second."""

    difference: float
    """Nats a token; negative where the first is better."""
    stderr: float
    """Nats a token; nan with fewer than two documents."""


def paired_difference(a: Measurement, b: Measurement, corpus: str, split: Split = "valid") -> PairedDifference:
    """Compare two measurements document by document, so that hard documents cancel.

    Raises:
        MeasurementError: one of them lacks the corpus, or they scored different documents.
    """
    return paired_difference_over_seeds([(a, b)], corpus, split)


def paired_difference_over_seeds(
    pairs: Sequence[tuple[Measurement, Measurement]], corpus: str, split: Split = "valid"
) -> PairedDifference:
    """The mean difference over pairs that were trained with different seeds.

    Its variance is that of the documents (of the differences averaged over seeds) plus that of the seeds; with one pair
    the second is unknown and left out, so that the standard error speaks of these two models only.

    Args:
        pairs: One (first, second) a seed, all scored on the same documents.
        corpus: Which corpus.
        split: Which held-out part.

    Raises:
        MeasurementError: no pair, a missing corpus, or documents that differ.
    """
    if not pairs:
        raise MeasurementError(f"paired comparison on {corpus}: no pair of measurements; give at least one")
    sides = [(_documents(a, corpus, split), _documents(b, corpus, split)) for a, b in pairs]
    tokens = _common_tokens([side for pair in sides for side in pair], corpus)
    total = sum(tokens.values())
    per_seed = [sum(a[d][0] - b[d][0] for d in tokens) / total for a, b in sides]
    mean_by_document = [statistics.fmean(a[d][0] - b[d][0] for a, b in sides) for d in tokens]
    of_documents = ratio_stderr(mean_by_document, list(tokens.values()))
    of_seeds = statistics.stdev(per_seed) / math.sqrt(len(pairs)) if len(pairs) > 1 else 0.0
    return PairedDifference(statistics.fmean(per_seed), math.hypot(of_documents, of_seeds))


def _documents(measurement: Measurement, corpus: str, split: Split) -> dict[int, tuple[float, int]]:
    measured = next((x for x in measurement.losses if x.corpus == corpus and x.split == split), None)
    if measured is None:
        raise MeasurementError(
            f"paired comparison: a measurement at {measurement.tokens} tokens lacks {corpus}/{split}"
        )
    return _scored(measured)


def _scored(measured: CorpusLoss) -> dict[int, tuple[float, int]]:
    return {d.document: (d.nll, d.tokens) for d in measured.documents if d.tokens > 0}


def _common_tokens(sides: Sequence[dict[int, tuple[float, int]]], corpus: str) -> dict[int, int]:
    tokens = [{d: n for d, (_, n) in side.items()} for side in sides]
    if not tokens[0] or any(other != tokens[0] for other in tokens):
        raise MeasurementError(
            f"paired comparison on {corpus}: the measurements did not score the same documents; "
            "compare trials of one experiment, evaluated with the same number of tokens"
        )
    return tokens[0]
