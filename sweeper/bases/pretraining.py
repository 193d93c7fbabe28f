"""Built-in base models come out of a trial of their own: its spec, and whether it has been run."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from sweeper.bases.errors import BaseModelError
from sweeper.bases.ladder import RUNGS
from sweeper.bases.resolve import BaseModel
from sweeper.bases.weights import is_whole
from trainers.spec import CorpusRef, ModelRef, Schedule, TrialSpec

MAX_TOKENS = 1_000_000
WARM_UP = 0.05
DECAY = 0.2
_LAST = "tokenizer.json"
"""Copied last, so that its presence says the folder is whole."""


def pretraining_spec(
    base: BaseModel,
    cache: Path,
    corpora: Sequence[CorpusRef],
    mixture: Mapping[str, float],
    *,
    max_tokens: int = MAX_TOKENS,
    max_seq_length: int = 128,
    global_batch_size: int = 8,
    learning_rate: float | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    seed: int = 0,
) -> TrialSpec:
    """The trial that makes a built-in base model.

    Args:
        base: a built-in model.
        cache: the folder that all experiments share; the checkpoint lands in `CACHE/bases/ID/model`.
        corpora: packed with the base's tokeniser; they need not be prepared yet.
        mixture: share of training tokens by corpus name, summing to 1.
        max_tokens: training tokens.
        max_seq_length: tokens a sequence.
        global_batch_size: sequences a step.
        learning_rate: peak; None takes the size's own, found at 1,024 tokens a step.
        precision: compute precision.
        seed: of the initial weights and the order of blocks.

    Raises:
        BaseModelError: the model is not built in.
    """
    if base.config is None:
        raise BaseModelError(f"base_models: {base.name} is a checkpoint; only built-in models are pre-trained")
    spec = TrialSpec(
        role="base",
        model=base.ref,
        method="full",
        learning_rate=learning_rate or RUNGS[base.name].learning_rate,
        schedule=Schedule(type="wsd", warmup_ratio=WARM_UP, decay_ratio=DECAY),
        corpora=tuple(corpora),
        mixture=dict(mixture),
        max_tokens=max_tokens,
        max_seq_length=max_seq_length,
        global_batch_size=global_batch_size,
        micro_batch_size=global_batch_size,
        seed=seed,
        precision=precision,
    )
    folder = cache / "bases" / spec.id
    where = {"export_path": str(folder / "model"), "checkpoint_path": str(folder / "checkpoints")}
    where["export_dtype"] = "fp32"  # it will be trained on, whatever it was computed in
    return spec.model_copy(update=where)


def pretrained_ref(spec: TrialSpec) -> ModelRef:
    """The model that a pre-training gives. Its fingerprint is that of the spec: known before it is trained."""
    return ModelRef(name=spec.model.name, path=str(_folder(spec)), fingerprint=f"pretrained-{spec.id}")


def base_ready(spec: TrialSpec) -> bool:
    """Whether the pre-trained model stands in the cache, whole and with its tokeniser."""
    return (_folder(spec) / _LAST).is_file() and not _missing(_folder(spec))


def is_exported(spec: TrialSpec) -> bool:
    """Whether the pre-training has left a whole checkpoint, which may still lack its tokeniser."""
    return _missing(_folder(spec)) is None


def complete_base(spec: TrialSpec, base: BaseModel) -> ModelRef:
    """Give a checkpoint that its pre-training has just exported its tokeniser, which makes it ready.

    Raises:
        BaseModelError: the export is not whole.
    """
    folder = _folder(spec)
    missing = _missing(folder)
    if missing:
        raise BaseModelError(
            f"base_models: the pre-training of {base.name} left no whole {missing} in {folder}; run it again"
        )
    source = Path(base.tokenizer.path)
    for file in sorted(source.iterdir(), key=lambda f: f.name == _LAST):
        temporary = folder / f".{file.name}.{os.getpid()}.tmp"
        shutil.copyfile(file, temporary)
        temporary.replace(folder / file.name)
    return pretrained_ref(spec)


def _folder(spec: TrialSpec) -> Path:
    if spec.export_path is None:
        raise BaseModelError(f"base_models: the spec {spec.id} names no export_path; make it with pretraining_spec")
    return Path(spec.export_path)


def _missing(folder: Path) -> str | None:
    """The name of the first file that is not there or is cut short."""
    if not (folder / "config.json").is_file():
        return "config.json"
    weights = folder / "model.safetensors"
    return None if weights.is_file() and is_whole(weights) else weights.name
