"""The built-in ladder of model sizes: small Llama configurations, to be pre-trained before use."""

from dataclasses import dataclass
from typing import Any

VOCABULARY = 2048
END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 0
HEAD = 32
"""Width of an attention head."""


@dataclass(frozen=True)
class Rung:
    """One size. Widths are multiples of 64: 4-bit layers on CPU need that of their inputs."""

    hidden: int
    intermediate: int
    layers: int
    learning_rate: float
    """Peak for pre-training at 1,024 tokens a step."""


RUNGS = {
    "builtin:tiny-s": Rung(hidden=128, intermediate=192, layers=2, learning_rate=6e-3),
    "builtin:tiny-m": Rung(hidden=192, intermediate=512, layers=2, learning_rate=4e-3),
    "builtin:tiny-l": Rung(hidden=256, intermediate=768, layers=4, learning_rate=2e-3),
}
"""About 0.5, 1.3 and 4 million parameters, embedding included."""


def ladder() -> dict[str, dict[str, Any]]:
    """The `transformers` configuration of every built-in model, by name."""
    return {name: _config(rung) for name, rung in RUNGS.items()}


def _config(rung: Rung) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": VOCABULARY,
        "hidden_size": rung.hidden,
        "intermediate_size": rung.intermediate,
        "num_hidden_layers": rung.layers,
        "num_attention_heads": rung.hidden // HEAD,
        "num_key_value_heads": rung.hidden // HEAD,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
        # Wider than the usual 0.02, which is meant for much larger widths: 0.16 nats after 200 k tokens of tiny-s.
        "initializer_range": round(rung.hidden**-0.5, 4),
        "bos_token_id": END_OF_TEXT_ID,
        "eos_token_id": END_OF_TEXT_ID,
    }


def count_parameters(name: str) -> tuple[int, int]:
    """(all parameters, those outside the embedding) of a built-in model; the tied output layer counts as embedding."""
    rung = RUNGS[name]
    attention = 4 * rung.hidden**2
    feed_forward = 3 * rung.hidden * rung.intermediate
    norms = 2 * rung.hidden
    inner = rung.layers * (attention + feed_forward + norms) + rung.hidden
    return inner + VOCABULARY * rung.hidden, inner
