"""What trains in full beside low-rank adapters: embeddings for a domain's own vocabulary, normalisation layers."""

from functools import partial
from typing import Any

import torch
from torch import nn

from trainers.spec import Lora


def modules_beside(base: Any, lora: Lora) -> dict[str, nn.Module]:
    """The modules of a `transformers` model that a spec trains in full beside its adapters, by their names in it.

    An output layer that shares its weight with the input embedding is among them.
    """
    names = {module: name for name, module in base.named_modules()}
    chosen: list[nn.Module] = []
    if lora.train_embeddings:
        chosen += [layer for layer in (base.get_input_embeddings(), base.get_output_embeddings()) if layer is not None]
    if lora.train_norms:
        chosen += [module for module in names if _is_norm(module)]
    return {names[module]: module for module in chosen}


def parameters_beside(base: Any, lora: Lora) -> list[nn.Parameter]:
    """The parameters of `modules_beside`; one that two of them share comes twice."""
    return [p for module in modules_beside(base, lora).values() for p in module.parameters(recurse=False)]


def _is_norm(module: nn.Module) -> bool:
    # By convention of name: every architecture writes its own RMSNorm.
    return "Norm" in type(module).__name__ and any(True for _ in module.parameters(recurse=False))


def train_beside(modules: dict[str, nn.Module]) -> None:
    """Make modules of a frozen model trainable, with fp32 weights; what they put out keeps the model's precision.

    PEFT's `modules_to_save` would train a copy, which lets a shared weight and its twin part, and hide the output layer
    from `head.linear_nll`.
    """
    for module in modules.values():
        for parameter in module.parameters(recurse=False):
            if parameter.dtype != torch.float32:
                module.register_forward_hook(partial(_cast_output, parameter.dtype))
                parameter.data = parameter.data.float()
            parameter.requires_grad_(True)


def _cast_output(dtype: torch.dtype, _module: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
    return output.to(dtype)
