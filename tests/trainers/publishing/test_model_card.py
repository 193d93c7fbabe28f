from typing import Any

import pytest
import yaml

from trainers.publishing.model_card import adapter_card, model_card

LORA = {"r": 8, "alpha": 16.0, "dropout": 0.0}
SPEC = {
    "method": "qlora", "lora": LORA, "learning_rate": 1e-3, "optimizer": "adamw", "adam_betas": [0.9, 0.95],
    "schedule": {"type": "cosine", "warmup_ratio": 0.1, "decay_ratio": 0.2, "min_ratio": 0.0, "decay_shape": "sqrt"},
    "weight_decay": 0.1, "max_grad_norm": 1.0, "global_batch_size": 4, "max_seq_length": 16, "document_mask": False,
    "precision": "bf16", "seed": 3,
}  # fmt: skip


def loss(value: float) -> dict[str, Any]:
    return {"corpus": "law", "split": "valid", "loss": value, "stderr": 0.0123, "bits_per_byte": 1.5}


def document(**changes: Any) -> dict[str, Any]:
    plain = {
        "trial": "0123456789ab",
        "base_model": {
            "name": "owner/model", "hub_name": "owner/model", "license": "apache-2.0", "config": None,
            "fingerprint": "f00",
        },
        "corpora": [
            {"name": "general", "share": 0.25, "unique_tokens": 100, "train_tokens": 2000, "fingerprint": "g",
             "sources": ["hf:wiki/en:2024"]},
            {"name": "law", "share": 0.75, "unique_tokens": 300, "train_tokens": 1000, "fingerprint": "l",
             "sources": ["cases.jsonl"]},
            {"name": "probe", "share": 0.0, "unique_tokens": 0, "train_tokens": 1000, "fingerprint": "p",
             "sources": ["hf:only/evaluated"]},
        ],
        "spec": SPEC,
        "tokens": 12_288,
        "measurements": [{"tokens": 0, "losses": [loss(3.0)]}, {"tokens": 12_288, "losses": [loss(2.0)]}],
        "exported": {
            "dtype": "bf16",
            "losses": [{"corpus": "law", "split": "valid", "trained": 2.0, "exported": 1.5}],
        },
        "software": {"python": "3.11", "torch": "2.13", "peft": None},
    }  # fmt: skip
    return plain | changes


def front_matter(card: str) -> dict[str, Any]:
    first, text, _ = card.split("---\n", 2)
    assert first == ""
    fields = yaml.safe_load(text)
    assert isinstance(fields, dict)
    return fields


def test_the_front_matter_is_yaml_that_the_hub_accepts() -> None:
    from huggingface_hub import ModelCard

    card = model_card(document())
    assert front_matter(card) == {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "license": "apache-2.0",
        "tags": ["continual-pre-training", "qlora", "sweeper"],
        "base_model": "owner/model",
        "base_model_relation": "finetune",
        "datasets": ["wiki/en"],
    }
    assert "base_model: owner/model" in str(ModelCard(card).data)


def test_a_base_that_the_hub_does_not_know_is_named_in_the_text_only() -> None:
    base = document()["base_model"] | {"name": "our-model", "hub_name": None, "license": "unknown"}
    card = model_card(document(base_model=base))
    assert not {"base_model", "base_model_relation"} & set(front_matter(card))
    assert front_matter(card)["license"] == "unknown"
    assert "# our-model adapted to law" in card
    assert "no licence is known" in card
    assert "base_model" not in adapter_card(document(base_model=base))


def test_a_licence_of_the_bases_own_keeps_its_name_and_link() -> None:
    own = {"license": "other", "license_name": "own", "license_link": "LICENSE"}
    fields = front_matter(model_card(document(base_model=document()["base_model"] | own)))
    assert {key: fields[key] for key in own} == own


def test_losses_before_trained_and_as_saved_stand_side_by_side() -> None:
    card = model_card(document())
    assert "| law | valid | 3.0000 | 2.0000 ± 0.0123 | 1.5000 | 4.482 | 1.5000 |" in card
    assert "through NF4 and adapters; `this export` is these files (bf16)" in card


def test_a_trial_that_did_not_measure_its_base_says_nothing_of_it() -> None:
    card = model_card(document(measurements=document()["measurements"][1:]))
    assert "| law | valid | 2.0000" in card
    assert "before training" not in card


def test_only_the_measurements_since_a_stop_are_promised() -> None:
    assert "every measurement since the trial began or, after a stop, went on" in model_card(document())


@pytest.mark.parametrize(
    "row",
    [
        "| general | 25.00% | 100 | 2,000 | hf:wiki/en:2024 | `g` |",
        "| probe | none, measured only | 0 | 1,000 | hf:only/evaluated | `p` |",
        "| schedule | type cosine, warmup_ratio 0.1 |",
        "| adapters | r 8, alpha 16.0, dropout 0.0 |",
        "| learning rate, peak | 0.001 |",
        "| software | python 3.11, torch 2.13 |",
    ],
)
def test_data_and_recipe_are_listed(row: str) -> None:
    assert row in model_card(document()).splitlines()


def test_a_model_from_random_weights_is_no_adaptation() -> None:
    base = document()["base_model"] | {"name": "builtin:tiny-s", "hub_name": None, "config": {"model_type": "llama"}}
    card = model_card(document(base_model=base, spec=SPEC | {"method": "full", "lora": None}))
    assert "# builtin:tiny-s\n" in card
    assert "Pre-trained from random weights on 12,288 tokens of general and law." in card


def test_the_adapters_card_is_pefts() -> None:
    fields = front_matter(adapter_card(document()))
    assert (fields["library_name"], fields["base_model_relation"]) == ("peft", "adapter")
