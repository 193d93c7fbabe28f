from typing import Any

import pytest
import torch
from torch import nn

from tests.trainers.architectures import ARCHITECTURES, RELATIVES, random_model
from tests.trainers.tiny import VOCABULARY
from trainers.model.adapters import adapted, is_4bit
from trainers.model.language_model import LanguageModel
from trainers.model.probes import has_linear_head, isolates_documents
from trainers.spec import Lora
from trainers.tokens.windows import Windows

LLAMA, GEMMA2 = ARCHITECTURES["llama"], RELATIVES["gemma2"]
PLAIN = {**ARCHITECTURES, "gemma2-uncapped": {**GEMMA2, "final_logit_softcapping": None}}
SHAPED = {
    "gemma2": GEMMA2,
    "high-cap": {**GEMMA2, "final_logit_softcapping": 500.0},
    "granite": {**LLAMA, "model_type": "granite", "logits_scaling": 1.1},
    "cohere": {**LLAMA, "model_type": "cohere", "logit_scale": 0.9},
}
"""Architectures that cap their logits or multiply them."""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("config", PLAIN.values(), ids=PLAIN)
def test_linear_output_layers_are_found(config: dict[str, Any], dtype: torch.dtype) -> None:
    model = random_model(config).to(dtype)
    assert has_linear_head(model)
    assert has_linear_head(adapted(model, Lora(r=4, alpha=8.0), 0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("config", SHAPED.values(), ids=SHAPED)
def test_logits_that_are_capped_or_scaled_are_found(config: dict[str, Any], dtype: torch.dtype) -> None:
    assert not has_linear_head(random_model(config).to(dtype))


def test_an_output_layer_with_a_bias_is_linear() -> None:
    model = random_model({"model_type": "phi", **{k: v for k, v in LLAMA.items() if k != "model_type"}})
    assert model.lm_head.bias is not None
    assert has_linear_head(model)


def test_an_adapter_in_the_output_layer_is_found() -> None:
    assert not has_linear_head(adapted(random_model(LLAMA), Lora(r=4, alpha=8.0, target_modules=("lm_head",)), 0))


def test_a_model_without_a_body_of_its_own_is_taken_whole() -> None:
    model = random_model(LLAMA)
    model.base_model_prefix = "nothing"
    assert not has_linear_head(model)


LOSSES = {**PLAIN, **SHAPED, "phi": {**LLAMA, "model_type": "phi"}}


@pytest.mark.parametrize("config", LOSSES.values(), ids=LOSSES)
def test_either_way_gives_the_losses_and_gradients_of_transformers(config: dict[str, Any]) -> None:
    tokens = torch.randint(1, VOCABULARY, (3, 17))
    gradients, losses = [], []
    for ours in (True, False):
        model = random_model(config).eval()  # GPT-2 has dropout
        if ours:
            loss = LanguageModel(model, has_linear_head(model))(Windows(tokens), "sum") / 48
        else:
            # The library shifts labels itself: the same 16 targets of 17 tokens.
            loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert torch.allclose(gradients[0], gradients[1], atol=1e-5 * float(gradients[1].abs().max()))


def test_probing_leaves_weights_and_random_numbers_alone_and_repacks_nothing() -> None:
    model = adapted(random_model(LLAMA), Lora(r=4, alpha=8.0, dropout=0.5), 0)
    modes: list[bool] = []
    layer = next(m for m in model.modules() if type(m) is nn.Linear)
    # What bitsandbytes repacks is a layer of this name that runs in evaluation mode.
    four_bit = type("Linear4bit", (nn.Linear,), {})
    layer.__class__ = four_bit
    assert is_4bit(layer)
    layer.register_forward_hook(lambda module, *_: modes.append(module.training))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    state = torch.get_rng_state()
    assert has_linear_head(model)
    assert isolates_documents(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert modes
    assert all(modes)
