"""Low-rank adapters, and the care that 4-bit weights need on a CPU."""

from typing import Any

import torch
from torch import nn

from trainers.errors import TrainerError
from trainers.model.beside import modules_beside, train_beside
from trainers.model.targets import is_transposed, target_layers
from trainers.spec import Lora

CPU_WIDTH = 64
"""bitsandbytes' CPU kernels work in blocks of this many inputs."""


def adapted(base: Any, lora: Lora, seed: int) -> nn.Module:
    """`base`, frozen, with fresh fp32 adapters drawn from `seed`, and what trains in full beside them.

    Raises:
        TrainerError: the model does not have the layers that `lora` asks for.
    """
    import peft

    config = peft.LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=target_layers(base, lora),
        use_rslora=lora.use_rslora,
        fan_in_fan_out=any(is_transposed(module) for module in base.modules()),
        task_type="CAUSAL_LM",
    )
    beside = modules_beside(base, lora)
    torch.manual_seed(seed)
    model: nn.Module = peft.get_peft_model(base, config)
    train_beside(beside)
    return model


def is_4bit(module: nn.Module) -> bool:
    """Whether a layer holds bitsandbytes 4-bit weights."""
    return type(module).__name__ == "Linear4bit"


def refuse_narrow_layers(base: nn.Module, name: str) -> None:
    """Refuse 4-bit layers that bitsandbytes cannot run on every CPU.

    Raises:
        TrainerError: a quantised layer's input width is not a multiple of 64.
    """
    for path, module in base.named_modules():
        if is_4bit(module) and module.in_features % CPU_WIDTH:
            raise TrainerError(
                f"method: qlora on a CPU needs layer widths that are multiples of {CPU_WIDTH}, but {path} of {name} "
                f"takes {module.in_features} inputs; use lora or a GPU"
            )


def without_dropout_and_repacking(model: nn.Module) -> None:
    """Evaluation mode, but for 4-bit layers.

    On CPUs with AVX512-BF16, bitsandbytes 0.50 rewrites a 4-bit weight in place when its layer runs in evaluation mode
    without gradients, and every later LoRA gradient is silently wrong. The layers have no dropout of their own, so
    leaving them in training mode changes nothing else.
    """
    model.eval()
    for module in model.modules():
        if is_4bit(module):
            module.training = True
