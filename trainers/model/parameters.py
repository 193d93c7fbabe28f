"""Counting parameters, and making sure that the right ones train."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Counts:
    """Parameters of the base model as a mathematician counts them, and those that train."""

    params: int
    """Of the base model: shared weights once, 4-bit weights unpacked, adapters left out."""
    params_non_embedding: int
    """Without the input embedding and an untied output layer."""
    trainable_params: int = 0

    def with_trainable(self, module: nn.Module) -> "Counts":
        """The same base with the trainable parameters of `module`."""
        return replace(self, trainable_params=sum(p.numel() for p in module.parameters() if p.requires_grad))


def logical_size(parameter: nn.Parameter) -> int:
    """How many numbers a parameter stands for; a 4-bit one is stored as packed bytes and knows its true shape."""
    state = getattr(parameter, "quant_state", None)
    if state is None:
        return parameter.numel()
    size = 1
    for length in state.shape:
        size *= int(length)
    return size


def count(base: Any) -> Counts:
    """Count a `transformers` model without adapters."""
    total = sum(logical_size(p) for p in base.parameters())
    ends = [layer for layer in (base.get_input_embeddings(), base.get_output_embeddings()) if layer is not None]
    # Tied ends share one parameter: count it once.
    embedding = sum(logical_size(p) for p in {id(p): p for layer in ends for p in layer.parameters()}.values())
    return Counts(params=total, params_non_embedding=total - embedding)


def require_right_trainable(module: nn.Module, beside: Iterable[nn.Parameter] | None) -> None:
    """Stop where other parameters would train than the spec says.

    Args:
        module: the model.
        beside: what trains in full beside adapters; None where the whole model trains.

    Raises:
        RuntimeError: something is frozen that should train, or trains that should be frozen.
    """
    wanted = {id(p) for p in (module.parameters() if beside is None else beside)}
    adapters = set() if beside is None else {name for name, _ in module.named_parameters() if "lora_" in name}
    parameters = dict(module.named_parameters())
    wrong = [name for name, p in parameters.items() if p.requires_grad != (name in adapters or id(p) in wanted)]
    if wrong or not any(p.requires_grad for p in parameters.values()):
        raise RuntimeError(f"the wrong parameters would train or be frozen: {sorted(wrong)[:3] or 'none at all'}")


def decay_groups(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's groups: matrices decay, vectors (norms, biases) do not."""
    matrices = [p for p in parameters if p.ndim >= 2]
    vectors = [p for p in parameters if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
