"""Activation checkpointing: less memory for more time."""

from typing import Any

from trainers.errors import TrainerError


def recompute_layers(base: Any, name: str) -> None:
    """Keep each layer's input only while training, and compute the layer again in the backward pass.

    Adapters' dropout draws the same numbers again. What is computed is the same, so the losses are too.

    Raises:
        TrainerError: the architecture cannot do it.
    """
    if not base.supports_gradient_checkpointing:
        raise TrainerError(
            f"activation_checkpointing: {name} ({base.config.model_type}) cannot recompute its layers; leave it out, "
            "or take a smaller micro_batch_size"
        )
    base.activation_checkpointing_enable({"use_reentrant": False})
    # It asks for gradients of the embedding's output, which only reentrant checkpoints need.
    base.disable_input_require_grads()
