"""Compiled layers: fused kernels in place of one kernel an operation."""

import torch
from torch import nn

from trainers.model.sharding import decoder_layers


def compile_layers(module: nn.Module) -> None:
    """Let PyTorch's compiler translate each layer of a `transformers` model the first time it runs.

    Layers of a kind are translated once for all of them, which takes a minute; the model's own code around them stays
    as it is, so names, checkpoints, adapters, sharding and recomputing do too.

    Raises:
        RuntimeError: the model's architecture does not say what its layers are.
    """
    # What other trials of this process have left counts towards a limit, beyond which nothing is translated any more.
    torch.compiler.reset()
    for layer in decoder_layers(module, "torch_compile"):
        layer.compile()
