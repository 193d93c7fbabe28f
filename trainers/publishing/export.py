"""Saves a trained model as a Hugging Face folder, whole or not at all, and measures what was saved."""

import json
import logging
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch

from trainers.errors import TrainerError
from trainers.messages import CorpusLoss, Exported, ExportedLoss, Measurement
from trainers.model.language_model import LanguageModel
from trainers.model.models import Model, load_base, torch_type
from trainers.model.parameters import count
from trainers.model.probes import has_linear_head
from trainers.publishing.companions import copy_companions
from trainers.publishing.model_card import adapter_card, model_card
from trainers.publishing.trial_document import trial_document
from trainers.publishing.whole_model import ADAPTER, State, save_weights
from trainers.spec import ModelRef, TrialSpec
from trainers.tokens.packed import PackedCorpus

log = logging.getLogger(__name__)
Measure = Callable[[Model], tuple[CorpusLoss, ...]]
"""Takes a model's losses as the trial's last measurement took them."""

EXACT = 1e-3
"""Nats by which an export may differ from the trained model where both compute in fp32 on the same numbers."""
ROUNDED = 0.05
"""The same where bf16 rounds weights or activations differently: far above what is seen, below a lost adapter."""


def export_type(spec: TrialSpec) -> Literal["fp32", "bf16"]:
    """Of the weights in the files: as asked for, else the compute precision."""
    return spec.export_dtype or spec.precision


def export(
    spec: TrialSpec,
    state: State,
    corpora: dict[str, PackedCorpus],
    measurements: Sequence[Measurement],
    measure: Measure,
    device: torch.device,
) -> Exported:
    """Save the model that a trial has trained to `spec.export_path`; an earlier export there is replaced at the end.

    The folder holds the whole model (adapters merged into the base model's own weights, never into 4-bit ones: merging
    into those changes the outputs), tokeniser, generation settings, a model card, `trial.json` and, for adapters, the
    PEFT folder `adapter`. What was saved is loaded and measured again, which costs one more evaluation.

    Args:
        spec: of the trial.
        state: the parameters that training changed, whole, by name.
        corpora: the packed corpora by name.
        measurements: of this attempt; the last was taken of `state`.
        measure: takes the same losses of another model on the same blocks.
        device: where to measure, if there is memory for it; else in the host's.

    Raises:
        RuntimeError: the saved model does not measure as the trained one; the refused files are kept beside the folder.
    """
    assert spec.export_path is not None
    started, folder, dtype = time.perf_counter(), Path(spec.export_path), export_type(spec)
    with _new_folder(folder) as temporary:
        save_weights(spec, state, torch_type(dtype), _end_of_text(corpora), temporary)
        if spec.model.path is not None:
            copy_companions(Path(spec.model.path), temporary)
        losses = _compare(measurements[-1].losses, _measure_saved(spec, temporary, measure, device))
        _check(spec, dtype, losses, folder, temporary)
        exported = Exported(dtype=dtype, losses=losses, seconds=time.perf_counter() - started)
        _describe(trial_document(spec, corpora, measurements, exported), temporary)
    return exported


def check_place(spec: TrialSpec) -> None:
    """Look before training whether the folder may be replaced in the end.

    Raises:
        TrainerError: something else than a model stands there.
    """
    if spec.export_path is None:
        return
    folder = Path(spec.export_path)
    if folder.exists() and not (folder.is_dir() and ((folder / "config.json").is_file() or not any(folder.iterdir()))):
        raise TrainerError(
            f"export_path: {folder} holds something that is no model and would be replaced; move it away or name "
            "another folder"
        )


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that takes its name only when all went well; what stood there before goes last."""
    temporary = folder.with_name(f".{folder.name}.writing-{os.getpid()}")
    previous = folder.with_name(f".{folder.name}.previous-{os.getpid()}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            folder.replace(previous)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)


def _describe(document: dict[str, object], folder: Path) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (folder / "trial.json").write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(model_card(document), encoding="utf-8")
    if (folder / ADAPTER).is_dir():
        (folder / ADAPTER / "README.md").write_text(adapter_card(document), encoding="utf-8")


def _end_of_text(corpora: dict[str, PackedCorpus]) -> int:
    """The token that closes every document of the packed corpora."""
    tokens = next(iter(corpora.values()))["train"].tokens
    return int(tokens[-1])


# Measured again -------------------------------------------------------------------------------------------------------


def _measure_saved(spec: TrialSpec, folder: Path, measure: Measure, device: torch.device) -> tuple[CorpusLoss, ...]:
    """On the device, or where it lacks the room beside the trained model, in the host's memory."""
    try:
        return measure(_load(spec, folder, device))
    except torch.OutOfMemoryError:
        log.warning("export: no room on %s to measure what was saved; it is measured on the CPU", device)
    torch.cuda.empty_cache()
    return measure(_load(spec, folder, torch.device("cpu")))


def _load(spec: TrialSpec, folder: Path, device: torch.device) -> Model:
    saved = ModelRef(name=spec.model.name, path=str(folder), fingerprint=spec.model.fingerprint)
    module = load_base(spec.model_copy(update={"model": saved}), device, torch_type(export_type(spec)), False)
    scorer = LanguageModel(module, has_linear_head(module))
    return Model(module, scorer, count(module), int(module.config.vocab_size), device, torch_type(spec.precision))


def _compare(trained: Sequence[CorpusLoss], exported: Sequence[CorpusLoss]) -> tuple[ExportedLoss, ...]:
    after = {(x.corpus, x.split): x.loss for x in exported}
    return tuple(
        ExportedLoss(corpus=x.corpus, split=x.split, trained=x.loss, exported=after[x.corpus, x.split]) for x in trained
    )


def _check(spec: TrialSpec, dtype: str, losses: Sequence[ExportedLoss], folder: Path, temporary: Path) -> None:
    """Refuse what is not the trained model. Off NF4 a QLoRA's loss moves as it must, so it need only be a number."""
    fp32 = dtype == "fp32" and (spec.precision == "fp32" or spec.method == "full")
    allowed = math.inf if spec.method == "qlora" else EXACT if fp32 else ROUNDED
    wrong = [x for x in losses if not abs(x.exported - x.trained) <= allowed or not math.isfinite(x.exported)]
    if not wrong:
        return
    kept = folder.with_name(f"{folder.name}.refused")
    shutil.rmtree(kept, ignore_errors=True)
    temporary.replace(kept)
    seen = ", ".join(f"{x.corpus} {x.split} {x.trained:.4f} trained and {x.exported:.4f} saved" for x in wrong)
    raise RuntimeError(
        f"export: the saved model does not measure as the trained one (nats: {seen}; at most {allowed:g} apart are "
        f"allowed); nothing was exported, the files are in {kept}"
    )
