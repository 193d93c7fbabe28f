"""Every supported architecture as a small random model."""

from pathlib import Path
from typing import Any

import torch

from tests.trainers.tiny import VOCABULARY

_LLAMA: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
}
_GEMMA = {**_LLAMA, "head_dim": 32}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama", **_LLAMA},
    "qwen2": {"model_type": "qwen2", **_LLAMA, "tie_word_embeddings": True},
    "qwen3": {"model_type": "qwen3", **_LLAMA, "head_dim": 32},
    "mistral": {"model_type": "mistral", **_LLAMA, "sliding_window": 6},
    "gpt2": {
        "model_type": "gpt2",
        "vocab_size": VOCABULARY,
        "n_embd": 64,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": 64,
        "bos_token_id": 0,
        "eos_token_id": 0,
    },
    "gpt_neox": {"model_type": "gpt_neox", **{k: v for k, v in _LLAMA.items() if k != "num_key_value_heads"}},
    "gemma": {"model_type": "gemma", **_GEMMA},
}
"""What is trained, resumed and exported in the tests."""

RELATIVES: dict[str, dict[str, Any]] = {
    "mistral-full-attention": {"model_type": "mistral", **_LLAMA, "sliding_window": None},
    "gemma2": {"model_type": "gemma2", **_GEMMA, "sliding_window": 6},
    "gemma3": {"model_type": "gemma3_text", **_GEMMA, "sliding_window": 6},
}
"""Looked at in some tests only."""


def random_model(config: dict[str, Any], seed: int = 7, **changes: Any) -> Any:
    """A `transformers` model with weights larger than at initialisation, so that what it sees matters."""
    import transformers

    options = {k: v for k, v in (config | changes).items() if k != "model_type"}
    torch.manual_seed(seed)
    made = transformers.AutoConfig.for_model(config["model_type"], **options)
    model = transformers.AutoModelForCausalLM.from_config(made)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3) if parameter.ndim == 2 else parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def save_random_model(folder: Path, config: dict[str, Any]) -> Path:
    """A checkpoint folder of `random_model`."""
    random_model(config).save_pretrained(folder)
    return folder
