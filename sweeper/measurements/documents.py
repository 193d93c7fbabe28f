"""The loss of every held-out document, beside the table of measurements: for standard errors and paired comparisons."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sweeper.measurements.arrow import arrow_schema
from sweeper.measurements.columns import Column
from sweeper.trials.record import TrialRecord

if TYPE_CHECKING:
    import pyarrow as pa

DOCUMENT_COLUMNS: tuple[Column, ...] = (
    Column("trial", "string", "-", "As in the table of measurements."),
    Column("tokens", "int64", "tokens", "Training tokens before the measurement."),
    Column("corpus", "string", "-", "The corpus of the document."),
    Column("split", "string", "-", "`valid` or `test`."),
    Column("document", "int64", "-", "Index of the document within the split."),
    Column("nll", "float64", "nats", "Sum over the document's scored tokens."),
    Column("scored_tokens", "int64", "tokens", "Tokens of the document that were scored."),
)


def build_document_table(records: Iterable[TrialRecord]) -> "pa.Table":
    """One row a trial, evaluation, corpus, split and document; pre-training trials are left out."""
    import pyarrow as pa

    columns: dict[str, list[object]] = {c.name: [] for c in DOCUMENT_COLUMNS}
    for record in records:
        if record.spec.role != "base" or record.spec.max_tokens == 0:
            for row in _rows(record):
                for name, value in zip(columns, row, strict=True):
                    columns[name].append(value)
    return pa.table(columns, schema=arrow_schema(DOCUMENT_COLUMNS))


def _rows(record: TrialRecord) -> Iterable[tuple[object, ...]]:
    for moment in record.measurements:
        for measured in moment.losses:
            for d in measured.documents:
                yield (record.id, moment.tokens, measured.corpus, measured.split, d.document, d.nll, d.tokens)
