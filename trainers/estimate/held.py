"""What a worker holds from a trial's first step to its last: weights, gradients, the optimiser's state."""

from dataclasses import dataclass

import torch
from torch import nn

from trainers.model.language_model import LanguageModel
from trainers.model.models import torch_type
from trainers.model.sharding import decoder_layers
from trainers.spec import TrialSpec
from trainers.steps.optimizers import STATE_BITS, embeddings

_QUANTISED_FROM, _PAGED_FROM = 4096, 100_000
"""Numbers of a tensor from which on bitsandbytes quantises, and pages, its state."""
_BLOCK = 256
"""Numbers that share a scale in 8-bit state."""


@dataclass(frozen=True)
class Held:
    """Bytes a worker."""

    weights: int
    gradients: int
    optimizer: int
    paged: int
    gathered: int
    """Where the model is divided: what is put together of it at once, and gradients on their way."""


def held(spec: TrialSpec, scorer: LanguageModel, workers: int) -> Held:
    """What every one of `workers` holds of a model."""
    parts = workers if is_divided(spec, workers) else 1
    trainable = [p for p in scorer.parameters() if p.requires_grad]
    resident, paged = optimizer_bytes(spec, scorer)
    return Held(
        weights=-(-weight_bytes(scorer) // parts),
        gradients=-(-4 * _numbers(trainable) // parts),
        optimizer=-(-resident // parts),
        paged=paged,
        gathered=_gathered(spec, scorer) if parts > 1 else 0,
    )


def is_divided(spec: TrialSpec, workers: int) -> bool:
    """Whether each of `workers` holds a part of the model."""
    return spec.parallel == "fsdp" and workers > 1


def weight_bytes(module: nn.Module) -> int:
    """Bytes of all parameters and buffers, shared ones once, with the scales of 4-bit weights."""
    tensors = [*module.parameters(), *module.buffers()]
    for parameter in module.parameters():
        state = getattr(parameter, "quant_state", None)
        if state is not None:
            tensors += [state.absmax, state.code, state.offset, state.state2.absmax, state.state2.code]
    return sum({id(s): s.nbytes() for s in (tensor.untyped_storage() for tensor in tensors)}.values())


def optimizer_bytes(spec: TrialSpec, scorer: LanguageModel) -> tuple[int, int]:
    """Bytes of both moments of everything that trains: those in a worker's memory, and those that are paged."""
    bits, whole = STATE_BITS.get(spec.optimizer, 32), {id(weight) for weight in embeddings(scorer)}
    resident = paged = 0
    for parameter in (p for p in scorer.parameters() if p.requires_grad):
        n = parameter.numel()
        quantised = bits == 8 and n >= _QUANTISED_FROM and id(parameter) not in whole
        moments = 2 * n * (1 if quantised else 4)
        resident += 2 * 4 * -(-n // _BLOCK) if quantised else 0
        if spec.optimizer.startswith("paged") and n >= _PAGED_FROM:
            paged += moments
        else:
            resident += moments
    return resident, paged


def _gathered(spec: TrialSpec, scorer: LanguageModel) -> int:
    """The parameters outside layers, which stay whole through a step; the layer that runs, and the next one on its way;
    a layer's gradients, in the compute precision and in the fp32 in which they are added up."""
    layers = decoder_layers(scorer.module, "parallel: fsdp")
    inside = {id(p) for layer in layers for p in layer.parameters()}
    outside = [p for p in scorer.parameters() if id(p) not in inside]
    size = torch_type(spec.precision).itemsize
    layer = max(_bytes(list(layer.parameters()), size) for layer in layers)
    trained = max(_numbers([p for p in layer.parameters() if p.requires_grad]) for layer in layers)
    return _bytes(outside, size) + 2 * layer + trained * (size + 4)


def _bytes(parameters: list[nn.Parameter], size: int) -> int:
    """In a precision of `size` bytes; packed 4-bit weights stay packed."""
    return sum(p.numel() * (1 if p.dtype == torch.uint8 else size) for p in parameters)


def _numbers(parameters: list[nn.Parameter]) -> int:
    return sum(p.numel() for p in parameters)
