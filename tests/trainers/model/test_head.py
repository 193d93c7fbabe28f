"""The output layer's loss without its logits against the loss with them."""

import pytest
import torch
from torch import nn

from trainers.model import head
from trainers.model.head import linear_nll

ROWS, WIDTH, VOCABULARY = 230, 32, 50


@pytest.fixture(autouse=True)
def _several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "LOGITS", 16 * VOCABULARY)  # chunks of 16 rows, the last of 6


def drawn(dtype: torch.dtype, bias: bool) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Hidden states in `dtype`, the layer's fp32 weight and bias, and targets."""
    torch.manual_seed(1)
    layer = [torch.randn(ROWS, WIDTH).to(dtype), 0.3 * torch.randn(VOCABULARY, WIDTH)]
    layer += [torch.randn(VOCABULARY)] if bias else []
    return [x.requires_grad_() for x in layer], torch.randint(0, VOCABULARY, (ROWS,))


def gradients(layer: list[torch.Tensor], nll: torch.Tensor, tokens: int) -> list[torch.Tensor]:
    return [g.float() for g in torch.autograd.grad(nll.sum() / tokens, layer)]


def whole(layer: list[torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
    """The same from whole logits in fp32."""
    hidden, weight, *bias = layer
    logits = nn.functional.linear(hidden.float(), weight.to(hidden.dtype).float(), *bias)
    return nn.functional.cross_entropy(logits, targets, reduction="none")


@pytest.mark.parametrize("bias", [False, True])
def test_losses_and_gradients_are_those_of_whole_logits(bias: bool) -> None:
    layer, targets = drawn(torch.float32, bias)
    nll, expected = linear_nll(layer[0], layer[1], layer[2] if bias else None, targets), whole(layer, targets)
    torch.testing.assert_close(nll, expected, rtol=1e-6, atol=1e-6)
    for ours, theirs in zip(gradients(layer, nll, 70), gradients(layer, expected, 70), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    with torch.no_grad():
        assert torch.equal(linear_nll(layer[0], layer[1], layer[2] if bias else None, targets), nll)


@pytest.mark.parametrize("tokens", [80, 12 * 2048])
def test_bf16_rounds_gradients_but_does_not_stretch_them(tokens: int) -> None:
    """1 / tokens is no number of bf16; the nearest is 0.1 to 0.2 % away, for everything below the output layer."""
    layer, targets = drawn(torch.bfloat16, bias=False)
    summed, divided = (gradients(layer, linear_nll(layer[0], layer[1], None, targets), n) for n in (1, tokens))
    for one, other in zip(summed, divided, strict=True):
        slope = (one.flatten() @ other.flatten()) * tokens / one.square().sum()
        assert slope.item() == pytest.approx(1, abs=3e-4)
    for ours, theirs in zip(summed, gradients(layer, whole(layer, targets), 1), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.05, atol=0.02 * theirs.abs().max().item())
