"""A trial as one JSON object that means the same on another machine: no folder of this one is in it."""

import importlib.metadata
import math
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.messages import CorpusLoss, Exported, Measurement
from trainers.publishing.base_names import hub_name, label, licence
from trainers.spec import CorpusRef, TrialSpec
from trainers.tokens.packed import PackedCorpus

_PLACES = {"checkpoint_path", "export_path", "branch_path", "model", "corpora"}
_SOFTWARE = ("torch", "transformers", "peft", "bitsandbytes", "numpy")


def trial_document(
    spec: TrialSpec, corpora: Mapping[str, PackedCorpus], measurements: Sequence[Measurement], exported: Exported
) -> dict[str, Any]:
    """What was trained, on what, how, and what was measured.

    Args:
        spec: of the trial.
        corpora: the packed corpora by name.
        measurements: of this attempt, in order; the last was taken at the end.
        exported: what the export measured.
    """
    last = measurements[-1]
    return {
        "trial": spec.id,
        "base_model": {
            "name": label(spec.model),
            "hub_name": hub_name(spec.model),
            "fingerprint": spec.model.fingerprint,
            "config": spec.model.config,
            **licence(spec.model),
        },
        "corpora": [
            _corpus(spec.mixture.get(ref.name, 0.0), last.unique_tokens.get(ref.name, 0), ref, corpora[ref.name])
            for ref in spec.corpora
        ],
        "spec": spec.model_dump(mode="json", exclude=_PLACES),
        "tokens": last.tokens,
        "measurements": [_measurement(measurement) for measurement in measurements],
        "exported": exported.model_dump(mode="json", exclude={"seconds"}),
        "software": {"python": platform.python_version()} | {name: _version(name) for name in _SOFTWARE},
    }


def _corpus(share: float, unique_tokens: int, ref: CorpusRef, packed: PackedCorpus) -> dict[str, Any]:
    return {
        "name": ref.name,
        "share": share,
        "unique_tokens": unique_tokens,
        "train_tokens": len(packed["train"].tokens),
        "fingerprint": ref.fingerprint,
        "sources": _sources(packed.meta),
    }


def _sources(meta: Mapping[str, Any]) -> list[str]:
    """Where the text came from, where whoever packed it wrote that down: names, and last parts of paths."""
    stated = meta.get("source") or {}
    named = stated.get("source", ()) if isinstance(stated, dict) else stated
    parts = [named] if isinstance(named, str) else list(named)
    return [part if part.startswith(("builtin:", "hf:")) else Path(part).name for part in parts]


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "tokens": measurement.tokens,
        "step": measurement.step,
        "losses": [_loss(loss) for loss in measurement.losses],
    }


def _loss(measured: CorpusLoss) -> dict[str, Any]:
    return {
        "corpus": measured.corpus,
        "split": measured.split,
        "loss": measured.loss,
        "stderr": measured.stderr,
        "perplexity": math.exp(min(measured.loss, 700.0)),
        "bits_per_byte": measured.bits_per_byte if measured.bytes else None,
        "scored_tokens": measured.tokens,
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
