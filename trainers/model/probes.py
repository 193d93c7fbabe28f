"""What a model can do, found out by trying: lists of names would age with every release of `transformers`."""

from typing import Any

import torch
from torch import nn

from trainers.model.adapters import is_4bit, without_dropout_and_repacking
from trainers.model.language_model import base_of

_LARGE = 1000.0
"""Logits of this size would show any cap that an architecture puts on them."""


@torch.no_grad()
def has_linear_head(causal_lm: Any) -> bool:
    """Whether the model's logits are its last hidden state times the output layer's weight, plus its bias.

    Some architectures cap or scale their logits; some train adapters in the output layer. Leaves the model in
    evaluation mode. Runs it on four tokens.
    """
    base = base_of(causal_lm)
    head, decoder = base.get_output_embeddings(), base.base_model
    if not isinstance(head, nn.Linear) or is_4bit(head) or decoder is base:
        return False
    expected: list[torch.Tensor] = []

    def enlarge(_module: Any, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = _towards_logits_of(_LARGE, output.last_hidden_state, head.weight)
        expected.append(nn.functional.linear(output.last_hidden_state, head.weight, head.bias))
        return output

    hook = decoder.register_forward_hook(enlarge)
    try:
        without_dropout_and_repacking(base)
        tokens = torch.arange(4, device=head.weight.device).view(1, 4)
        logits = base(input_ids=tokens, use_cache=False).logits
    finally:
        hook.remove()
    # Some models go past `base_model`, to a part of it.
    return any(torch.allclose(logits.float(), x.float(), rtol=0.01, atol=0.01 * _LARGE) for x in expected)


def _towards_logits_of(size: float, like: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Hidden states of the shape and precision of `like`, drawn from no random state, with logits up to `size`."""
    places = torch.arange(like.numel(), device=like.device, dtype=torch.float32)
    hidden = torch.sin(places.view(like.shape) ** 2).to(like.dtype)
    largest = nn.functional.linear(hidden, weight).abs().max().clamp_min(1e-6)
    return (hidden * (size / largest)).to(like.dtype)


@torch.no_grad()
def isolates_documents(causal_lm: Any) -> bool:
    """Whether positions that restart within a block keep its documents apart.

    The same document stands in two rows, behind others of other content and length. Kept apart, it is the same to the
    model in both; the yardstick is how much it differs where positions do not restart. Leaves the model in evaluation
    mode.
    """
    base = base_of(causal_lm)
    device = base.get_input_embeddings().weight.device
    tokens = torch.tensor([[5, 6, 7, 8, 9, 1, 2, 3], [10, 11, 1, 2, 3, 12, 13, 14]], device=device)
    positions = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2], [0, 1, 0, 1, 2, 0, 1, 2]], device=device)
    tokens %= base.get_input_embeddings().weight.shape[0]
    without_dropout_and_repacking(base)

    def difference(**inputs: Any) -> float:
        logits = base(input_ids=tokens, use_cache=False, **inputs).logits
        return float((logits[0, 5:].float() - logits[1, 2:5].float()).abs().mean())

    # Rounding may depend on where in a row the document stands.
    rounding = max(1e-3, 8 * torch.finfo(base.dtype).eps)
    return not difference(position_ids=positions) > rounding * difference()
