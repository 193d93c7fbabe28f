"""The optimiser of a trial: PyTorch's fused AdamW, or one of bitsandbytes' that keep a smaller or a paged state."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from trainers.errors import TrainerError
from trainers.model.parameters import decay_groups
from trainers.spec import TrialSpec

STATE_BITS = {"adamw_8bit": 8, "paged_adamw": 32, "paged_adamw_8bit": 8}
"""Of bitsandbytes' optimisers; tensors of fewer than 4,096 numbers keep 32 bits."""
_MOMENTS = ("state1", "state2")


def refuse_without_gpu(spec: TrialSpec, device: torch.device) -> None:
    """Stop before anything is loaded where the optimiser needs a GPU that is not there.

    Raises:
        TrainerError: a bitsandbytes optimiser on a CPU. Its kernels run there, but slowly, and nothing can be paged.
    """
    if spec.optimizer != "adamw" and device.type != "cuda":
        raise TrainerError(
            f"optimizer: {spec.optimizer} keeps its state in a GPU's memory, and this trial runs on a "
            f"{device.type.upper()}; use adamw"
        )


def make_optimizer(spec: TrialSpec, module: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """AdamW over the trainable parameters of `module`: matrices decay, vectors do not.

    The parameters are fp32 under every precision, so the updates are, whatever the state is kept in.

    Raises:
        TrainerError: the optimiser needs a GPU and there is none.
    """
    refuse_without_gpu(spec, device)
    trainable = [p for _, p in module.named_parameters() if p.requires_grad]
    groups = decay_groups(trainable, spec.weight_decay)
    if spec.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=spec.learning_rate, betas=spec.adam_betas, fused=True)
    return bitsandbytes_adamw(spec, groups, embeddings(module))


def embeddings(module: nn.Module) -> list[torch.Tensor]:
    """The weights of embedding layers."""
    return [layer.weight for layer in module.modules() if isinstance(layer, nn.Embedding)]


def bitsandbytes_adamw(
    spec: TrialSpec, groups: list[dict[str, Any]], in_32_bits: Iterable[torch.Tensor]
) -> torch.optim.Optimizer:
    """The bitsandbytes optimiser that a spec names.

    Args:
        spec: the trial.
        groups: of parameters.
        in_32_bits: parameters whose state is never quantised: embeddings, whose rows have gradients of very different
            sizes (Dettmers et al. 2021, arXiv:2110.02861, section 2.3).
    """
    from bitsandbytes.optim.optimizer import GlobalOptimManager

    optimizer: Any = _resumable()(
        "adam",
        groups,
        lr=spec.learning_rate,
        betas=spec.adam_betas,
        optim_bits=STATE_BITS[spec.optimizer],
        is_paged=spec.optimizer.startswith("paged"),
    )
    # Its own, not the process': that one knows parameters by address and would outlive the trial in a warm worker.
    optimizer.mng = object.__new__(GlobalOptimManager)
    optimizer.mng.initialize()
    optimizer.mng.override_config(list(in_32_bits), "optim_bits", 32)
    made: torch.optim.Optimizer = optimizer
    return made


def _resumable() -> Any:
    """bitsandbytes' AdamW, whose paged state is paged again after it was loaded."""
    from bitsandbytes.optim.optimizer import Optimizer2State

    class AdamW(Optimizer2State):  # type: ignore[misc]
        def load_state_dict(self, state_dict: dict[str, Any], move_to_device: bool = True) -> None:
            # What is paged may not fit into the GPU's own memory; the first step moves the rest there.
            super().load_state_dict(state_dict, move_to_device and not self.is_paged)
            for parameter, state in self.state.items():
                for name in _MOMENTS if self.is_paged else ():
                    buffer = self.get_state_buffer(parameter, dtype=state[name].dtype)
                    state[name] = buffer.copy_(state[name])

    return AdamW
