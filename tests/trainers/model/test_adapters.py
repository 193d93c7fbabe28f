from collections.abc import Callable
from typing import Any

import torch

from tests.trainers.tiny import LENGTH, VOCABULARY
from trainers.model.adapters import adapted, is_4bit
from trainers.model.models import Model, build, load_base
from trainers.spec import TrialSpec
from trainers.tokens.windows import Windows

CPU = torch.device("cpu")


def gradients(model: Any, window: torch.Tensor) -> torch.Tensor:
    parameters = [p for _, p in sorted(model.named_parameters()) if p.requires_grad]
    logits = model(input_ids=window[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), window[:, 1:].reshape(-1))
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])


def dequantised_twin(spec: TrialSpec, model: Model) -> Any:
    """The same adapters on a dense base that holds the numbers that the 4-bit weights stand for."""
    import bitsandbytes.functional as bnb

    assert spec.lora is not None
    twin = adapted(load_base(spec, CPU, torch.float32, quantised=False), spec.lora, spec.seed)
    dense = dict(twin.named_parameters())
    with torch.no_grad():
        for name, parameter in model.module.named_parameters():
            if hasattr(parameter, "quant_state"):
                dense[name].copy_(bnb.dequantize_4bit(parameter.data, parameter.quant_state))
            else:
                dense[name].copy_(parameter)
    return twin


def test_qlora_gradients_are_right_after_an_evaluation(make_spec: Callable[..., TrialSpec]) -> None:
    spec = make_spec(method="qlora")
    model = build(spec, CPU)
    with torch.no_grad():  # B starts at 0, where half of the gradients vanish
        for name, parameter in model.trainable.items():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    twin = dequantised_twin(spec, model)
    window = torch.randint(1, VOCABULARY, (4, LENGTH + 1))
    model.evaluate()
    with torch.no_grad():
        model.nll(Windows(window))
    model.train()
    ours, reference = gradients(model.module, window), gradients(twin, window)
    assert torch.nn.functional.cosine_similarity(ours, reference, dim=0) > 0.99
    assert not any(
        getattr(m.weight.quant_state, "packing_format_for_cpu", False) for m in model.module.modules() if is_4bit(m)
    )  # type: ignore[union-attr]


def test_dropout_is_off_while_evaluating_and_on_while_training(make_spec: Callable[..., TrialSpec]) -> None:
    model = build(make_spec(method="qlora", lora={"r": 4, "alpha": 8.0, "dropout": 0.5}), CPU)
    with torch.no_grad():
        for name, parameter in model.trainable.items():
            if "lora_B" in name:
                parameter.normal_(std=0.5)
        window = Windows(torch.randint(1, VOCABULARY, (2, LENGTH + 1)))
        model.evaluate()
        assert torch.equal(model.nll(window), model.nll(window))
        model.train()
        assert not torch.equal(model.nll(window), model.nll(window))
