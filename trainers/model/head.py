"""Nats per token from hidden states, a few rows at a time: the logits of a whole batch never exist.

With a large vocabulary they would be the largest tensor of a training step by far (rows x vocabulary, several times
over). The gradients are worked out in the same pass, so nothing is computed twice; the idea is that of Hsu et al. 2024,
"Liger Kernel" (arXiv:2410.10989), section 3.2, in plain PyTorch operations.
"""

from typing import Any

import torch
from torch import nn

LOGITS = 2**24
"""Logits that exist at once, about: 64 MiB in fp32. Fewer make the products too thin for a CPU (measured at 49,152
tokens of vocabulary, bf16: 1.04 times the speed of whole logits with this many, 0.72 with a quarter of it)."""


IN_CACHE = 2**20
"""Logits that a CPU's cache holds, about."""


def linear_nll(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of a linear output layer, in nats, without its logits.

    Args:
        hidden: (rows, width), in the compute precision.
        weight: (vocabulary, width); used in `hidden`'s precision, its gradient is fp32.
        bias: (vocabulary,) or None.
        targets: (rows,) token ids.

    Returns:
        (rows,) in fp32. Its sum may be differentiated, with the same weight for every row.
    """
    if torch.is_grad_enabled():
        nll: torch.Tensor = _LinearNll.apply(hidden, weight, bias, targets)  # type: ignore[no-untyped-call]
        return nll
    return _without_gradients(hidden, weight.to(hidden.dtype), bias, targets)


def _without_gradients(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor
) -> torch.Tensor:
    """(rows,) nats, with one buffer for the logits; new memory for each part would cost as much as filling it."""
    parts = list(_chunks(hidden, targets, len(weight)))
    buffer = hidden.new_empty(len(parts[0][0]), len(weight))
    # A CPU reads logits again while they are in its cache; a GPU wants few, large kernels.
    at_once = len(buffer) if hidden.is_cuda else max(1, IN_CACHE // len(weight))
    nll = []
    for rows, wanted in parts:
        logits = torch.mm(rows, weight.t(), out=buffer[: len(rows)])
        if bias is not None:
            logits += bias
        for some, ids in zip(torch.split(logits, at_once), torch.split(wanted, at_once), strict=True):
            nll.append(nn.functional.cross_entropy(some.float(), ids, reduction="none"))
    return torch.cat(nll)


def _chunks(hidden: torch.Tensor, targets: torch.Tensor, vocabulary: int) -> Any:
    rows = max(16, LOGITS // vocabulary)
    return zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)


def _rows_nll(
    hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(rows,) nats and (rows, vocabulary) log probabilities, both fp32."""
    logits = nn.functional.linear(hidden, weight, None if bias is None else bias.to(hidden.dtype))
    log_probabilities = nn.functional.log_softmax(logits, dim=-1, dtype=torch.float32)
    return log_probabilities.gather(1, targets[:, None]).squeeze(1).neg_(), log_probabilities


class _LinearNll(torch.autograd.Function):
    """Computes the gradients of the sum of its output in the forward pass; the backward pass scales them."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, targets: torch.Tensor
    ) -> torch.Tensor:
        wanted = ctx.needs_input_grad
        cast = weight.to(hidden.dtype)
        grad_hidden = torch.empty_like(hidden) if wanted[0] else None
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if wanted[1] else None
        grad_bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None and wanted[2] else None
        nll, start = [], 0
        for rows, ids in _chunks(hidden, targets, len(weight)):
            part, log_probabilities = _rows_nll(rows, cast, bias, ids)
            nll.append(part)
            probabilities = log_probabilities.exp_()
            probabilities.scatter_add_(1, ids[:, None], torch.full_like(ids[:, None], -1, dtype=torch.float32))
            if grad_bias is not None:
                grad_bias += probabilities.sum(dim=0)
            error = probabilities.to(hidden.dtype)
            if grad_hidden is not None:
                torch.mm(error, cast, out=grad_hidden[start : start + len(rows)])
            if grad_weight is not None:
                _add_product(grad_weight, error, rows)
            start += len(rows)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        return torch.cat(nll)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        # One number scales all rows; the rows of a sum share it. Rounded to bf16 it would stretch all gradients alike.
        scaled = [None if g is None else g.copy_(g.float().mul_(grad[0])) for g in ctx.saved_tensors]
        return *scaled, None


def _add_product(total: torch.Tensor, error: torch.Tensor, rows: torch.Tensor) -> None:
    if error.dtype == total.dtype:
        total.addmm_(error.t(), rows)
    else:
        total.add_(error.t() @ rows)
