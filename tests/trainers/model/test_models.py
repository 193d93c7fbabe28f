from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers.architectures import ARCHITECTURES, random_model
from tests.trainers.tiny import CONFIG, VOCABULARY, run
from trainers.errors import TrainerError
from trainers.messages import Failure
from trainers.model.models import Model, build, without_dropout
from trainers.model.parameters import count, decay_groups, require_right_trainable
from trainers.spec import ModelRef, TrialSpec
from trainers.tokens.windows import Windows

CPU = torch.device("cpu")
WIDTH, INNER, LAYERS = CONFIG["hidden_size"], CONFIG["intermediate_size"], CONFIG["num_hidden_layers"]
LINEAR = LAYERS * (4 * WIDTH * WIDTH + 3 * WIDTH * INNER)
NON_EMBEDDING = LINEAR + (2 * LAYERS + 1) * WIDTH
EMBEDDING = VOCABULARY * WIDTH
ADAPTERS = LAYERS * 4 * (4 * 2 * WIDTH + 3 * (WIDTH + INNER))
Make = Callable[..., TrialSpec]


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_counts_are_of_the_base_model_whatever_the_method(make_spec: Make, method: str) -> None:
    counts = build(make_spec(method=method), CPU).counts
    assert counts.params == NON_EMBEDDING + EMBEDDING
    assert counts.params_non_embedding == NON_EMBEDDING
    assert counts.trainable_params == (NON_EMBEDDING + EMBEDDING if method == "full" else ADAPTERS)


def test_an_untied_output_layer_is_no_part_of_the_non_embedding_count(make_spec: Make) -> None:
    model = ModelRef(name="untied", config={**CONFIG, "tie_word_embeddings": False}, fingerprint="u")
    counts = build(make_spec(model=model), CPU).counts
    assert counts.params == NON_EMBEDDING + 2 * EMBEDDING
    assert counts.params_non_embedding == NON_EMBEDDING


def test_qlora_holds_nf4_doubly_quantised_weights_and_trains_adapters_alone(make_spec: Make) -> None:
    model = build(make_spec(method="qlora"), CPU)
    states = [p.quant_state for p in model.module.parameters() if hasattr(p, "quant_state")]
    assert len(states) == 7 * LAYERS
    assert all(state.quant_type == "nf4" and state.nested for state in states)
    assert all("lora_" in name for name in model.trainable)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_4_bit_model_on_a_cpu_lets_go_of_its_checkpoints_file(
    make_spec: Make, precision: str, checkpoint_folder: Path
) -> None:
    # One view of a file would keep all of it resident.
    model = build(make_spec(method="qlora", precision=precision), CPU)
    maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    assert model.vocabulary == VOCABULARY
    assert str(checkpoint_folder) not in maps


def test_training_qlora_changes_adapters_and_no_base_weight(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Model, dict[str, torch.Tensor]]] = []

    def spy(*arguments: Any) -> Model:
        model = build(*arguments)
        seen.append((model, {name: p.detach().clone() for name, p in model.module.named_parameters()}))
        return model

    monkeypatch.setattr("trainers.loop.build", spy)
    run(make_spec(method="qlora"))
    model, before = seen[0]
    changed = {name for name, p in model.module.named_parameters() if not torch.equal(p, before[name])}
    assert changed == set(model.trainable)
    assert all("lora_" in name for name in changed)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_full_training_holds_fp32_weights_in_either_precision(make_spec: Make, precision: str) -> None:
    model = build(make_spec(precision=precision), CPU)
    assert {p.dtype for p in model.module.parameters()} == {torch.float32}
    assert model.logits(Windows(torch.zeros(1, 5, dtype=torch.int64))).dtype == torch.float32


def test_bf16_computes_in_bf16(make_spec: Make) -> None:
    model = build(make_spec(precision="bf16"), CPU)
    logits = model.logits(Windows(torch.arange(9).view(1, 9)))
    assert torch.equal(logits, logits.to(torch.bfloat16).float())


def test_the_seed_decides_random_weights_and_adapters(make_spec: Make) -> None:
    def weights(**changes: Any) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in build(make_spec(**changes), CPU).trainable.values()])

    for method in ("full", "lora"):
        assert torch.equal(weights(method=method), weights(method=method))
        assert not torch.equal(weights(method=method), weights(method=method, seed=4))


def test_a_method_that_would_train_the_wrong_parameters_is_stopped(make_spec: Make) -> None:
    full = build(make_spec(), CPU).module
    with pytest.raises(RuntimeError, match="wrong parameters"):
        require_right_trainable(full, ())
    next(full.parameters()).requires_grad_(False)
    with pytest.raises(RuntimeError, match="wrong parameters"):
        require_right_trainable(full, None)


def test_only_matrices_decay(make_spec: Make) -> None:
    parameters = list(build(make_spec(), CPU).trainable.values())
    matrices, vectors = decay_groups(parameters, 0.1)
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0.0)
    assert sum(p.numel() for p in vectors["params"]) == (2 * LAYERS + 1) * WIDTH


def test_blocks_longer_than_the_model_knows_are_refused(make_spec: Make) -> None:
    with pytest.raises(TrainerError, match="max_seq_length: 65 is more than the 64 positions"):
        build(make_spec(max_seq_length=65), CPU)


def test_qlora_on_a_cpu_refuses_widths_that_bitsandbytes_cannot_run(make_spec: Make, tmp_path: Any) -> None:
    import transformers

    options = {k: v for k, v in CONFIG.items() if k != "model_type"} | {"intermediate_size": 96}
    config = transformers.AutoConfig.for_model("llama", **options)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    spec = make_spec(method="qlora", model=ModelRef(name="narrow", path=str(tmp_path), fingerprint="n"))
    end, _ = run(spec)
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable) == ("bad_spec", True)
    assert "multiples of 64" in end.reason
    assert "96 inputs" in end.reason


def test_shared_parameters_are_counted_once(make_spec: Make) -> None:
    module = build(make_spec(), CPU).module
    assert count(module).params == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "biogpt"])
def test_base_models_have_no_dropout_while_training(make_spec: Make, name: str) -> None:
    dropouts = {
        "gpt2": ("resid_pdrop", "embd_pdrop", "attn_pdrop"),
        "gpt_neox": ("hidden_dropout", "attention_dropout"),
        "biogpt": ("hidden_dropout_prob", "attention_probs_dropout_prob"),
    }
    known = {**ARCHITECTURES, "biogpt": {**ARCHITECTURES["gpt_neox"], "model_type": "biogpt"}}
    config = {**known[name], **dict.fromkeys(dropouts[name], 0.5)}
    model = build(make_spec(model=ModelRef(name=name, config=config, fingerprint=name)), CPU)
    window = Windows(torch.arange(1, 18)[None])
    assert model.module.training
    assert torch.equal(model.nll(window), model.nll(window))
    library: Any = random_model(config).train()
    first, second = (library(input_ids=window.inputs).logits for _ in range(2))
    assert not torch.equal(first, second)


def test_dropout_is_switched_off_in_configurations_inside_a_configuration() -> None:
    import transformers

    config = transformers.AutoConfig.for_model("gemma3", text_config={"attention_dropout": 0.1})
    assert config.text_config.attention_dropout == 0.1
    assert without_dropout(config).text_config.attention_dropout == 0.0


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_token_that_pads_elsewhere_is_trained_as_text(make_spec: Make, method: str, tmp_path: Any) -> None:
    config = {**CONFIG, "pad_token_id": 5, "tie_word_embeddings": False}
    random_model(config).save_pretrained(tmp_path)
    lora = None if method == "full" else {"r": 4, "alpha": 8.0, "train_embeddings": True}
    spec = make_spec(method=method, lora=lora, model=ModelRef(name="pads", path=str(tmp_path), fingerprint="p"))
    model = build(spec, CPU)
    model.total_nll(Windows(torch.tensor([[1, 5, 2, 3]]))).backward()  # type: ignore[no-untyped-call]
    (embedding,) = (p for name, p in model.trainable.items() if "embed_tokens" in name)
    assert embedding.grad is not None
    assert embedding.grad.any(dim=1).nonzero().flatten().tolist() == [1, 2, 5]


def test_a_resized_vocabulary_is_the_models_vocabulary(make_spec: Make, tmp_path: Any) -> None:
    """Chat templates bring tokens of their own: rows that are added to a trained model."""
    resized = random_model(CONFIG)
    resized.resize_token_embeddings(VOCABULARY + 5)
    resized.save_pretrained(tmp_path)
    model = build(make_spec(model=ModelRef(name="chat", path=str(tmp_path), fingerprint="c")), CPU)
    assert model.vocabulary == VOCABULARY + 5
    assert model.nll(Windows(torch.tensor([[1, VOCABULARY + 4, 2]]))).isfinite().all()
