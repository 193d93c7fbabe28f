from typing import Any

import pytest
import torch

from tests.trainers.architectures import ARCHITECTURES, random_model
from trainers.errors import TrainerError
from trainers.model.adapters import adapted
from trainers.model.targets import target_layers
from trainers.spec import Lora


def lora(targets: Any = "all-linear", **options: Any) -> Lora:
    return Lora.model_validate({"r": 4, "alpha": 8.0, "target_modules": targets, **options})


def adapted_layers(model: Any) -> set[str]:
    names = {name for name, _ in model.named_modules() if name.endswith(".lora_A")}
    return {name.removeprefix("base_model.model.").removesuffix(".lora_A") for name in names}


@pytest.mark.parametrize("config", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_all_linear_is_what_peft_means_by_it(config: dict[str, Any]) -> None:
    import peft

    ours = adapted_layers(adapted(random_model(config), lora(), 0))
    theirs = peft.get_peft_model(
        random_model(config), peft.LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    assert ours == adapted_layers(theirs) == set(target_layers(random_model(config), lora()))
    assert len(ours) == 2 * (4 if config["model_type"] in ("gpt2", "gpt_neox") else 7)


def test_layers_are_chosen_by_the_ends_of_their_names_or_by_a_pattern() -> None:
    model = random_model(ARCHITECTURES["llama"])
    both = {f"model.layers.{i}.self_attn.{name}_proj" for i in range(2) for name in "qv"}
    assert set(target_layers(model, lora(["q_proj", "self_attn.v_proj"]))) == both
    assert set(target_layers(model, lora(r".*\.[qv]_proj"))) == both
    assert target_layers(model, lora("layers.1.self_attn.q_proj")) == ["model.layers.1.self_attn.q_proj"]
    assert target_layers(model, lora(["q_proj"])) == sorted(name for name in both if "q_proj" in name)
    assert target_layers(model, lora(["lm_head"])) == ["lm_head"]


@pytest.mark.parametrize("targets", ["c_attn", ["q_proj", "c_attn"], ["roj"], ["embed_tokens"], []])
def test_an_entry_that_matches_nothing_is_refused_with_what_there_is(targets: Any) -> None:
    with pytest.raises(TrainerError, match="matches no linear layer of the model") as refused:
        adapted(random_model(ARCHITECTURES["llama"]), lora(targets), 0)
    assert "names of down_proj, gate_proj, k_proj, lm_head, o_proj, q_proj, up_proj, v_proj" in str(refused.value)


def test_an_adapter_of_a_shared_output_layer_is_refused() -> None:
    with pytest.raises(TrainerError, match="lm_head shares its weight with the input embedding"):
        adapted(random_model(ARCHITECTURES["qwen2"]), lora(["q_proj", "lm_head"]), 0)


def test_the_output_layer_cannot_train_in_full_and_by_an_adapter() -> None:
    with pytest.raises(TrainerError, match="train_embeddings trains lm_head in full"):
        adapted(random_model(ARCHITECTURES["llama"]), lora(["lm_head"], train_embeddings=True), 0)


def test_rslora_divides_alpha_by_the_root_of_the_rank() -> None:
    def logits(**options: Any) -> torch.Tensor:
        model: Any = adapted(random_model(ARCHITECTURES["llama"]), lora(**options), 0).eval()
        with torch.no_grad():
            torch.manual_seed(1)
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.1)
            found: torch.Tensor = model(input_ids=torch.arange(8)[None]).logits
        return found

    # 8 / sqrt(4) = 16 / 4.
    assert torch.allclose(logits(alpha=8.0, use_rslora=True), logits(alpha=16.0), atol=1e-6)
    assert not torch.allclose(logits(alpha=8.0, use_rslora=True), logits(alpha=8.0), atol=1e-3)
