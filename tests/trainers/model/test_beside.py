from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers.architectures import ARCHITECTURES, save_random_model
from tests.trainers.tiny import CONFIG, LENGTH, VOCABULARY, run
from trainers.messages import Finished
from trainers.model.models import Model, build
from trainers.model.parameters import decay_groups
from trainers.spec import ModelRef, TrialSpec
from trainers.tokens.windows import Windows

CPU = torch.device("cpu")
WIDTH, LAYERS = CONFIG["hidden_size"], CONFIG["num_hidden_layers"]
BESIDE = {"r": 4, "alpha": 8.0, "train_embeddings": True, "train_norms": True}
Make = Callable[..., TrialSpec]


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """A model whose output layer has its own weight."""
    folder = save_random_model(tmp_path_factory.mktemp("untied"), ARCHITECTURES["llama"])
    return ModelRef(name="untied", path=str(folder), fingerprint="u")


def short(model: Model) -> set[str]:
    return {name.removeprefix("base_model.model.") for name in model.trainable if "lora_" not in name}


NORMS = {f"model.layers.{i}.{name}_layernorm.weight" for i in range(LAYERS) for name in ("input", "post_attention")}


def test_only_what_is_asked_for_trains_beside_adapters(make_spec: Make, untied: ModelRef) -> None:
    def beside(**options: Any) -> set[str]:
        return short(build(make_spec(method="lora", lora={"r": 4, "alpha": 8.0, **options}, model=untied), CPU))

    assert beside() == set()
    assert beside(train_embeddings=True) == {"model.embed_tokens.weight", "lm_head.weight"}
    assert beside(train_norms=True) == NORMS | {"model.norm.weight"}


def test_a_shared_embedding_trains_once_and_stays_shared(make_spec: Make) -> None:
    model = build(make_spec(method="qlora", lora={"r": 4, "alpha": 8.0, "train_embeddings": True}), CPU)
    base: Any = model.module.get_base_model()  # type: ignore[operator]
    assert short(model) == {"model.embed_tokens.weight"}
    assert base.lm_head.weight is base.model.embed_tokens.weight


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_trains_in_full_is_fp32_among_layers_that_compute_in_bf16(
    make_spec: Make, tmp_path: Path, architecture: str
) -> None:
    folder = save_random_model(tmp_path / "model", ARCHITECTURES[architecture])
    trained = ModelRef(name=architecture, path=str(folder), fingerprint=architecture)
    model = build(make_spec(method="qlora", precision="bf16", lora=BESIDE, model=trained), CPU)
    assert {p.dtype for p in model.trainable.values()} == {torch.float32}
    base: Any = model.module.get_base_model()  # type: ignore[operator]
    seen: dict[str, torch.dtype] = {}
    for name, module in base.named_modules():
        if "Norm" in type(module).__name__ or module is base.get_input_embeddings():
            module.register_forward_hook(lambda m, i, output, name=name: seen.update({name: output.dtype}))
    model.total_nll(Windows(torch.randint(1, VOCABULARY, (2, LENGTH + 1)))).backward()  # type: ignore[no-untyped-call]
    assert set(seen.values()) == {torch.bfloat16}
    assert len(seen) >= 2 * LAYERS + 2
    # B of each adapter starts at 0, so that A has no gradient yet.
    silent = [name for name, p in model.trainable.items() if "lora_A" not in name and not p.grad.any()]  # type: ignore[union-attr]
    assert not silent
    frozen = {p.dtype for name, p in model.module.named_parameters() if not p.requires_grad}
    assert frozen <= {torch.bfloat16, torch.uint8}


@pytest.mark.parametrize("method", ["lora", "qlora"])
@pytest.mark.parametrize("tied", [True, False])
def test_embeddings_and_norms_resume_and_export(
    make_spec: Make, untied: ModelRef, tmp_path: Path, method: str, tied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import peft
    import transformers

    built: list[Model] = []

    def keep(*arguments: Any) -> Model:
        built.append(build(*arguments))
        return built[-1]

    monkeypatch.setattr("trainers.loop.build", keep)
    model = {} if tied else {"model": untied}
    spec = make_spec(method=method, lora=BESIDE, learning_rate=1e-2, **model)
    started = {name: p.detach().clone() for name, p in build(spec, CPU).trainable.items()}
    ended, whole = run(spec.model_copy(update={"export_path": str(tmp_path / "out")}))
    assert isinstance(ended, Finished)
    assert not [name for name, p in built[0].trainable.items() if torch.equal(p, started[name])]

    paused = spec.model_copy(update={"checkpoint_path": str(tmp_path / "checkpoint")})
    run(paused, {4 * 4 * LENGTH: "pause"})
    assert run(paused)[1].curve()[-1] == whole.curve()[-1]

    dense = build(spec.model_copy(update={"method": "lora"}), CPU)
    with torch.no_grad():
        for name, parameter in dense.trainable.items():
            parameter.copy_(built[0].trainable[name])
        row = torch.arange(1, LENGTH + 2)[None]
        dense.evaluate()
        ours = dense.logits(Windows(row))
        exported = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
        assert torch.allclose(exported(input_ids=row[:, :-1]).logits, ours, atol=1e-4)
        assert (exported.lm_head.weight is exported.model.embed_tokens.weight) == tied
        base = transformers.AutoModelForCausalLM.from_pretrained(spec.model.path)
        with_adapters = peft.PeftModel.from_pretrained(base, tmp_path / "out" / "adapter")
        assert torch.allclose(with_adapters(input_ids=row[:, :-1]).logits, ours, atol=1e-4)


def test_embeddings_decay_as_matrices_and_norms_do_not(make_spec: Make) -> None:
    model = build(make_spec(method="lora", lora=BESIDE), CPU)
    matrices, vectors = decay_groups(list(model.trainable.values()), 0.1)
    assert sum(p.numel() for p in vectors["params"]) == (2 * LAYERS + 1) * WIDTH
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0.0)
    assert len(matrices["params"]) == 2 * 7 * LAYERS + 1


def test_logits_are_never_whole_where_the_output_layer_trains(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(make_spec(method="lora", lora=BESIDE), CPU)
    base: Any = model.module.get_base_model()  # type: ignore[operator]
    monkeypatch.setattr(base.lm_head, "forward", lambda *_: pytest.fail("the output layer was called"))
    model.total_nll(Windows(torch.randint(1, VOCABULARY, (2, LENGTH + 1))))
