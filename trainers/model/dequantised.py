"""The base model as QLoRA sees it, as an ordinary checkpoint: keeps what 4 bits cost apart from what low rank costs."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from trainers.errors import TrainerError
from trainers.model.adapters import is_4bit
from trainers.model.models import load_base, torch_type
from trainers.spec import TrialSpec

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json")


def write_dequantised(spec: TrialSpec, folder: Path) -> None:
    """Write a spec's base model with the weights that its QLoRA training would freeze, whole or not at all.

    Only the layers that QLoRA holds in NF4 differ from the base model's; they have passed through the spec's compute
    precision, as they do in QLoRA. All are stored in fp32, in which those values are exact. Everything else of the
    base model's folder is copied.

    Args:
        spec: of the method qlora.
        folder: where to; must not exist.

    Raises:
        TrainerError: the spec is not of QLoRA, or none of the model's layers would be quantised.
    """
    if spec.method != "qlora" or spec.model.path is None:
        raise TrainerError(f"method: {spec.method} on {spec.model.name} quantises nothing; give a qlora spec")
    source = Path(spec.model.path)
    precision = torch_type(spec.precision)
    quantised = load_base(spec, torch.device("cpu"), precision, quantised=True)
    model = load_base(spec, torch.device("cpu"), torch.float32, quantised=False)
    if _copy_weights(quantised, model) == 0:
        raise TrainerError(f"model: {spec.model.name} has no layer that qlora quantises; use full or lora")
    _save(model, source, folder)


def _copy_weights(quantised: Any, model: Any) -> int:
    """Put what 4-bit layers stand for into the dense ones; returns how many there are."""
    import bitsandbytes

    dense = dict(model.named_parameters())
    layers = {name: layer.weight for name, layer in quantised.named_modules() if is_4bit(layer)}
    with torch.no_grad():
        for name, weight in layers.items():
            values = bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state)
            dense[f"{name}.weight"].copy_(values)
    return len(layers)


def _save(model: Any, source: Path, folder: Path) -> None:
    temporary = folder.with_name(f".{folder.name}.writing-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(source, temporary, ignore=shutil.ignore_patterns(*_WEIGHTS))
    model.save_pretrained(temporary)
    temporary.replace(folder)
