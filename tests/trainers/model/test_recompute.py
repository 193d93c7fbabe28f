from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.trainers.architectures import ARCHITECTURES, save_random_model
from tests.trainers.tiny import VOCABULARY, run
from trainers.messages import Failure
from trainers.model.models import build
from trainers.spec import ModelRef, TrialSpec
from trainers.tokens.windows import Windows

CPU = torch.device("cpu")
Make = Callable[..., TrialSpec]
LORA = {"r": 4, "alpha": 8.0, "dropout": 0.3}


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_curve_is_the_same_bit_for_bit(make_spec: Make, method: str, precision: str) -> None:
    spec = make_spec(method=method, precision=precision, lora=None if method == "full" else LORA, learning_rate=1e-2)
    again = spec.model_copy(update={"activation_checkpointing": True})
    assert run(again)[1].curve() == run(spec)[1].curve()
    assert again.id == spec.id


def bytes_kept(spec: TrialSpec, precision: str = "fp32") -> int:
    """What a forward pass keeps for the backward pass, parameters left out."""
    model = build(spec, CPU)
    parameters = {p.untyped_storage().data_ptr() for p in model.module.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.total_nll(Windows(torch.randint(1, VOCABULARY, (8, 65))))
    loss.backward()  # type: ignore[no-untyped-call]
    return sum(kept.values())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_much_less_is_kept_for_the_backward_pass(make_spec: Make, tmp_path: Any, architecture: str) -> None:
    folder = save_random_model(tmp_path / "model", {**ARCHITECTURES[architecture]})
    model = ModelRef(name=architecture, path=str(folder), fingerprint="a")
    spec = make_spec(method="lora", model=model)
    assert bytes_kept(spec.model_copy(update={"activation_checkpointing": True})) < 0.3 * bytes_kept(spec)


def test_a_frozen_embedding_is_not_asked_for_gradients(make_spec: Make) -> None:
    model = build(make_spec(method="lora", activation_checkpointing=True), CPU)
    seen: list[bool] = []
    embedding: Any = model.module.get_base_model().get_input_embeddings()  # type: ignore[operator]
    embedding.register_forward_hook(lambda module, inputs, output: seen.append(output.requires_grad))
    model.total_nll(Windows(torch.randint(1, VOCABULARY, (1, 9))))
    assert seen == [False]


def test_an_architecture_that_cannot_recompute_is_refused(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    monkeypatch.setattr(transformers.LlamaPreTrainedModel, "supports_gradient_checkpointing", False)
    end, _ = run(make_spec(activation_checkpointing=True))
    assert isinstance(end, Failure)
    assert end.cause == "bad_spec"
    assert "activation_checkpointing: random (llama) cannot recompute its layers; leave it out" in end.reason
