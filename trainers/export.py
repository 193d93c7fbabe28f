"""Saves a trained model in `transformers` format."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from trainers.adapters import adapted
from trainers.models import Model, load_base
from trainers.spec import TrialSpec

_TOKENISER_FILES = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.jinja")


def export(spec: TrialSpec, model: Model, folder: Path) -> None:
    """Save the trained model in fp32, whole or not at all; an earlier export in `folder` is replaced.

    Adapters are merged into the base model's own weights, not into 4-bit ones: merging into those changes the outputs.
    The base model's tokeniser goes with it where there is one.
    """
    module: Any = model.module if spec.lora is None else _merged(spec, model)
    temporary = folder.with_name(f".{folder.name}.writing-{os.getpid()}")
    temporary.mkdir(parents=True)
    module.save_pretrained(temporary)
    if spec.model.path is not None:
        _copy_tokeniser(Path(spec.model.path), temporary)
    if folder.exists():
        shutil.rmtree(folder)
    temporary.replace(folder)


def _merged(spec: TrialSpec, model: Model) -> Any:
    assert spec.lora is not None
    base = load_base(spec, torch.device("cpu"), torch.float32, quantised=False)
    module: Any = adapted(base, spec.lora, spec.seed)
    fresh = dict(module.named_parameters())
    with torch.no_grad():
        for name, parameter in model.trainable.items():
            fresh[name].copy_(parameter)
    return module.merge_and_unload()


def _copy_tokeniser(source: Path, target: Path) -> None:
    for pattern in _TOKENISER_FILES:
        for file in source.glob(pattern):
            shutil.copy2(file, target / file.name)
