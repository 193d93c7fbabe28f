"""Counts the floating-point operations of what runs: those of matrix products and attention, which are nearly all.

A multiplication and an addition are two operations. Attention counts every pair of positions of a block, also those
that the causal mask hides, and its backward pass twice the forward pass, although kernels that do not keep the scores
compute them again: the convention of model FLOPs in Chowdhery et al. 2022, "PaLM" (arXiv:2204.02311), appendix B, whose
6 N + 12 L H Q T per token this gives for the matrices of a model trained in full.
"""

from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

_aten = torch.ops.aten


class FlopCount(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts while it is entered; `total` and `recomputed` may be read and set to 0 at any time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0
        self.recomputed = 0
        """The part of `total` that a backward pass spent on computing forward results again."""
        self.backward = False
        """Whether a backward pass is under way; the caller says so."""
        self._modules_running = 0

    def watch(self, module: nn.Module) -> None:
        """Notice when parts of a model run: those that run in a backward pass run again."""
        for part in module.modules():
            part.register_forward_pre_hook(lambda *_: self._enter(1))
            # Also where it ends early, as recomputing does when it has what it needs.
            part.register_forward_hook(lambda *_: self._enter(-1), always_call=True)

    def _enter(self, step: int) -> None:
        self._modules_running += step

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        result = func(*args, **(kwargs or {}))
        formula = _linear_4bit if _unpacks(func) else _FORMULAS.get(func.overloadpacket)
        if formula is not None:
            flops = int(formula(*args, **(kwargs or {}), out_val=result))
            self.total += flops
            self.recomputed += flops if self.backward and self._modules_running else 0
        return result


def _attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))  # type: ignore[no-untyped-call]


def _attention_backward(_grad: torch.Tensor, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return 2 * _attention(query, key, value)


def _linear_4bit(inputs: torch.Tensor, _packed: torch.Tensor, shape: Any, *_: Any, **__: Any) -> int:
    rows, columns = shape
    return int(2 * inputs.numel() * rows) if inputs.shape[-1] == columns else int(2 * inputs.numel() * columns)


def _formulas() -> dict[Any, Any]:
    found = dict(flop_registry)
    found[_aten.addmm_] = found[_aten.addmm]
    kinds = ("flash_attention", "flash_attention_for_cpu", "efficient_attention", "cudnn_attention")
    for kind in kinds:
        found[getattr(_aten, f"_scaled_dot_product_{kind}")] = _attention
        found[getattr(_aten, f"_scaled_dot_product_{kind}_backward")] = _attention_backward
    return found


_FORMULAS = _formulas()


def _unpacks(func: Any) -> bool:
    # By name: the operation exists once bitsandbytes is imported, and this file does not import it.
    return bool(func.name() == "bitsandbytes::gemm_4bit")
