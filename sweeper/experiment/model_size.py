"""How large a base model is, as far as can be said without loading it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.experiment.errors import ExperimentError

BUILTIN_PARAMETERS = 1_000_000
"""Order of size of the built-in models; their exact sizes do not matter for defaults."""
ASSUMED_PARAMETERS = 1_000_000_000
"""Where neither a configuration nor the name says the size."""
_IN_NAME = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)([bm])(?![A-Za-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class ModelSize:
    """What defaults are chosen by."""

    parameters: int
    """Total, approximately."""
    origin: str
    """Where the number comes from, for people."""
    max_positions: int | None = None
    """Longest sequence the model reads, in tokens; None where unknown."""


def size_of(model: str) -> ModelSize:
    """The size of a folder's, a cached or a named model: from its config.json, else its name, else assumed.

    Raises:
        ExperimentError: config.json is not readable as JSON.
    """
    if model.startswith("builtin:tiny"):
        return ModelSize(BUILTIN_PARAMETERS, "a built-in model")
    config = _config(model)
    if config:
        parameters = estimate_parameters(config)
        positions = config.get("max_position_embeddings")
        if parameters:
            return ModelSize(parameters, "config.json", positions)
        named = _size_in_name(model)
        return ModelSize(named.parameters, named.origin, positions)
    return _size_in_name(model)


def estimate_parameters(config: dict[str, Any]) -> int | None:
    """Parameters of a decoder with the usual shapes, None where the configuration lacks them.

    Embeddings (twice unless tied), attention with grouped keys and values, and a feed-forward block with gate; norms
    and biases are left out. Experts count in full.
    """
    width, depth, vocabulary = (_first(config, *names) for names in _SHAPES)
    if not (width and depth and vocabulary):
        return None
    inner = _first(config, "intermediate_size", "n_inner") or 4 * width
    heads = _first(config, "num_attention_heads", "n_head") or 1
    keys = _first(config, "num_key_value_heads") or heads
    head = _first(config, "head_dim") or width // heads
    attention = 2 * width * head * (heads + keys)
    matrices = 3 if "intermediate_size" in config else 2
    experts = _first(config, "num_local_experts", "num_experts") or 1
    embeddings = vocabulary * width * (1 if config.get("tie_word_embeddings", True) else 2)
    return embeddings + depth * (attention + experts * matrices * width * inner)


_SHAPES = (("hidden_size", "n_embd"), ("num_hidden_layers", "n_layer"), ("vocab_size",))


def _first(config: dict[str, Any], *names: str) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int)), None)


def _config(model: str) -> dict[str, Any] | None:
    path = Path(model).expanduser() / "config.json"
    file = path if path.is_file() else _cached_config(model)
    if file is None:
        return None
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ExperimentError(f"--model: {file} is not JSON: {error}; fetch the model again") from None
    return read if isinstance(read, dict) else None


def _cached_config(model: str) -> Path | None:
    """The configuration in Hugging Face's own cache; never asks the network."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "config.json")
    except HFValidationError:  # not a name of the hub, so not in its cache
        return None
    return Path(found) if isinstance(found, str) else None


def _size_in_name(model: str) -> ModelSize:
    found = _IN_NAME.findall(Path(model).name)
    if not found:
        return ModelSize(ASSUMED_PARAMETERS, "assumed, as nothing says it")
    number, unit = found[-1]
    return ModelSize(round(float(number) * {"b": 10**9, "m": 10**6}[unit.lower()]), "the model's name")
