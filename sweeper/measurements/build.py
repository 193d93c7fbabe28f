"""From trial records to the table of measurements: one row a trial, evaluation, corpus and split."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.measurements.arrow import arrow_schema
from sweeper.measurements.columns import RATIO_PREFIX, columns_for
from sweeper.measurements.statistics import bits_per_byte, loss_stderr, perplexity
from sweeper.trials.record import TrialRecord
from trainers.messages import CorpusLoss, Finished, Measurement

if TYPE_CHECKING:
    import pyarrow as pa

BaseLosses = Mapping[tuple[str, str, str, str], float]
"""Nats a token by (fingerprint of the base model, "full" or "qlora", corpus, split)."""
Row = dict[str, Any]


@dataclass(frozen=True)
class _Context:
    """What every row needs beside its own record."""

    experiment: str
    target: str
    corpus_roles: Mapping[str, str]
    base_losses: BaseLosses
    sizes: Mapping[str, tuple[int, int]]
    """Parameters (all, non-embedding) by fingerprint of the base model."""


def build_table(
    records: Iterable[TrialRecord],
    *,
    target: str,
    corpus_roles: Mapping[str, str],
    base_losses: BaseLosses | None = None,
    experiment: str = "",
) -> "pa.Table":
    """The table of measurements.

    Base losses and model sizes are taken from the records; pre-training trials (role `base` with training tokens) are
    left out.

    Args:
        records: Trials in any state; those without a measurement give no row.
        target: The corpus whose share is `domain_ratio`.
        corpus_roles: `general` or `domain` by corpus name; its order is that of the `ratio.` columns.
        base_losses: Base losses that no record holds.
        experiment: For the column of that name.
    """
    import pyarrow as pa

    kept = [r for r in records if not _is_pretraining(r)]
    known = {**(base_losses or {}), **measured_base_losses(kept)}
    context = _Context(experiment, target, corpus_roles, known, _model_sizes(kept))
    rows = [_row(context, r, m, x) for r in kept for m in r.measurements for x in m.losses]
    return pa.Table.from_pylist(rows, schema=arrow_schema(columns_for(corpus_roles)))


def measured_base_losses(records: Iterable[TrialRecord]) -> dict[tuple[str, str, str, str], float]:
    """Losses of the untrained base models among the records (role `base`, no training tokens)."""
    found: dict[tuple[str, str, str, str], float] = {}
    for record in records:
        if _is_base(record) and record.last is not None:
            for measured in record.last.losses:
                found[(record.spec.model.fingerprint, _view(record), measured.corpus, measured.split)] = _loss(measured)
    return found


def _is_base(record: TrialRecord) -> bool:
    return record.spec.role == "base" and record.spec.max_tokens == 0


def _is_pretraining(record: TrialRecord) -> bool:
    return record.spec.role == "base" and record.spec.max_tokens > 0


def _view(record: TrialRecord) -> str:
    """How the method sees the base weights: through NF4, or as they are."""
    return "qlora" if record.spec.method == "qlora" else "full"


def _loss(measured: CorpusLoss) -> float:
    return measured.nll / measured.tokens if measured.tokens else math.nan


def _model_sizes(records: Iterable[TrialRecord]) -> dict[str, tuple[int, int]]:
    """Sizes by base model, from its best witness: an adapter would add parameters of its own."""
    best: dict[str, tuple[bool, Finished]] = {}
    for record in records:
        if record.finished is not None:
            key, plain = record.spec.model.fingerprint, record.spec.method == "full"
            if key not in best or (plain and not best[key][0]):
                best[key] = (plain, record.finished)
    return {key: (f.params, f.params_non_embedding) for key, (_, f) in best.items()}


def _row(context: _Context, record: TrialRecord, measurement: Measurement, measured: CorpusLoss) -> Row:
    return {
        **_trial_part(context, record),
        **_recipe_part(record),
        **_moment_part(record, measurement, measured),
        **_loss_part(context, record, measured),
        "corpus_role": context.corpus_roles.get(measured.corpus, ""),
    }


def _trial_part(context: _Context, record: TrialRecord) -> Row:
    spec = record.spec
    params, non_embedding = context.sizes.get(spec.model.fingerprint, (None, None))
    return {
        "experiment": context.experiment,
        "trial": record.id,
        "role": spec.role,
        "base_model": spec.model.name,
        "params": params,
        "params_non_embedding": non_embedding,
        "domain_ratio": _share(record, context.target),
        **{RATIO_PREFIX + name: _share(record, name) for name in context.corpus_roles},
        "seed": spec.seed,
        "purpose": record.labels.get("purpose", ""),
        "state": record.state,
    }


def _recipe_part(record: TrialRecord) -> Row:
    spec = record.spec
    return {
        "method": spec.method,
        "lora_r": spec.lora.r if spec.lora else None,
        "lora_alpha": spec.lora.alpha if spec.lora else math.nan,
        "learning_rate": math.nan if _is_base(record) else spec.learning_rate,
    }


def _moment_part(record: TrialRecord, measurement: Measurement, measured: CorpusLoss) -> Row:
    unique = measurement.unique_tokens.get(measured.corpus, 0)
    drawn = measurement.tokens * record.spec.mixture.get(measured.corpus, 0.0)
    return {
        "tokens": measurement.tokens,
        "lr_area": measurement.lr_area,
        "lr_fraction": measurement.lr_fraction,
        "unique_tokens": sum(measurement.unique_tokens.values()),
        # Whole blocks are drawn, so that a trial may stand a block below its share.
        "epochs": max(1.0, drawn / unique) if unique else math.nan,
    }


def _loss_part(context: _Context, record: TrialRecord, measured: CorpusLoss) -> Row:
    loss = _loss(measured)
    key = (record.spec.model.fingerprint, _view(record), measured.corpus, measured.split)
    return {
        "corpus": measured.corpus,
        "split": measured.split,
        "loss": loss,
        "stderr": loss_stderr(measured),
        "bits_per_byte": bits_per_byte(measured.nll, measured.bytes),
        "perplexity": perplexity(loss),
        "base_loss": context.base_losses.get(key, math.nan),
        "eval_tokens": measured.tokens,
    }


def _share(record: TrialRecord, corpus: str) -> float:
    return math.nan if _is_base(record) else record.spec.mixture.get(corpus, 0.0)
