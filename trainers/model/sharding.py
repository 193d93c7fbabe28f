"""A model divided over the ranks: each holds a part of every parameter (PyTorch's `fully_shard`)."""

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trainers.model.language_model import LanguageModel, base_of
from trainers.spec import TrialSpec
from trainers.workers.ranks import Ranks

if TYPE_CHECKING:
    from torch.distributed.fsdp import FSDPModule


def is_sharded(spec: TrialSpec, ranks: Ranks) -> bool:
    """Whether a trial's model is divided; a worker alone has nobody to divide it with."""
    return spec.parallel == "fsdp" and ranks.size > 1


def shard(scorer: LanguageModel, precision: torch.dtype, device: torch.device) -> None:
    """Divide a model that lies whole in the host's memory, layer by layer, into parts on the devices of all ranks.

    The parts keep their precision (fp32 masters of what trains). A layer is put together in the compute precision where
    it runs and taken apart again; its gradients are added up over ranks in fp32. Embeddings, output layer and final
    norm belong to `scorer` itself, whose forward pass uses the output layer's weight without calling that layer.

    Raises:
        RuntimeError: the model's architecture does not say what its layers are.
    """
    # Imported late, as below: they take a second or two that most trials need not pay.
    from torch.distributed import get_world_size
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    for module in scorer.modules():
        _expose_storage(module, device)
    policy = MixedPrecisionPolicy(
        param_dtype=None if precision == torch.float32 else precision, reduce_dtype=torch.float32
    )
    mesh = init_device_mesh(device.type, (get_world_size(),))
    for layer in decoder_layers(scorer.module, "parallel: fsdp"):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(scorer, mesh=mesh, mp_policy=policy)
    for module in scorer.modules():
        if isinstance(module, FSDPModule):
            _sum_gradients(module)
    register_fsdp_forward_method(scorer, "logits")
    scorer.register_forward_hook(_take_apart_unless_training)


def decoder_layers(module: nn.Module, wanted_by: str) -> list[nn.Module]:
    """The layers of a `transformers` model, with or without adapters, by what the architecture calls indivisible.

    Raises:
        RuntimeError: it calls nothing so; names the option that asks (`wanted_by`).
    """
    names = set(getattr(base_of(module), "_no_split_modules", None) or ())
    layers = [part for part in module.modules() if type(part).__name__ in names]
    if not layers:
        raise RuntimeError(f"{wanted_by} cannot find the layers of a {type(base_of(module)).__name__}; leave it out")
    return layers


def gathered(trainable: dict[str, nn.Parameter], ranks: Ranks) -> dict[str, torch.Tensor]:
    """Parameters put together in the host's memory of rank 0, empty on the others; all ranks must call it."""
    from torch.distributed.tensor import DTensor

    whole = {}
    for name, parameter in trainable.items():
        values = parameter.detach()
        # One at a time: no device ever holds two whole parameters.
        full = values.full_tensor() if isinstance(values, DTensor) else values
        if ranks.first:
            whole[name] = full.cpu()
    return whole


def like(parameter: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """`values`, which every rank has whole, held the way `parameter` is; speaks to no other rank."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(parameter, DTensor):
        return values
    values = values.to(parameter.device)
    return distribute_tensor(values, parameter.device_mesh, parameter.placements, src_data_rank=None)


def _expose_storage(module: Any, device: torch.device) -> None:
    """Turn a layer's 4-bit weight, if it has one, into a plain parameter of its packed numbers, which can be divided.

    The layer keeps the state that says how to unpack them (bitsandbytes puts the two together again in each forward
    pass), whole on every rank: about a byte for 64 weights.
    """
    weight = module._parameters.get("weight")
    if getattr(weight, "quant_state", None) is None:
        return
    module.quant_state = weight.quant_state
    module.quant_state.to(device)
    module.weight = nn.Parameter(weight.data.as_subclass(torch.Tensor), requires_grad=False)


def _sum_gradients(module: "FSDPModule") -> None:
    # The ranks' parts add up to the gradient; and gloo has no scaled sum.
    module.set_gradient_divide_factor(1.0)
    module.set_force_sum_reduction_for_comms(True)


def _take_apart_unless_training(module: Any, *_: Any) -> None:
    # A backward pass would do it; without one the root would stay whole, and its parameters no longer be parts.
    if not torch.is_grad_enabled():
        module.reshard()
