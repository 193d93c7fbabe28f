"""Checks on a folder that is said to hold a causal language model."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from sweeper.bases.errors import BaseModelError
from sweeper.bases.weights import missing_weights


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """The configuration of a causal language model.

    Args:
        folder: the checkpoint.
        name: what the experiment calls it, for messages.

    Raises:
        BaseModelError: no configuration, no weights, or not a causal language model that `transformers` knows.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise BaseModelError(f"base_models: {name} has no config.json; give a folder that `save_pretrained` wrote")
    try:
        config = dict(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BaseModelError(f"base_models: {path} is not JSON ({error}); copy or download it again") from error
    _require_causal(config, name)
    missing = missing_weights(folder)
    if missing:
        raise BaseModelError(
            f"base_models: {name} lacks its weights: no {missing} beside its config.json; copy them there"
        )
    return config


def _require_causal(config: dict[str, Any], name: str) -> None:
    kind, architectures = config.get("model_type"), config.get("architectures") or []
    if not isinstance(kind, str) or not _known(kind):
        raise BaseModelError(
            f"base_models: {name} has model_type {kind!r}, which the installed transformers does not know; "
            "give a model of a known type, or a newer transformers"
        )
    if not any(str(a).endswith("ForCausalLM") for a in architectures) and not _listed_as_causal(architectures):
        raise BaseModelError(
            f"base_models: {name} is no causal language model: its architectures are {architectures}, and one that "
            "ends in ForCausalLM is needed"
        )


def _known(kind: str) -> bool:
    """By the folder of the model's code where it is called like the model; importing the list takes seconds."""
    spec = importlib.util.find_spec("transformers")
    roots = (spec.submodule_search_locations or []) if spec else []
    if any((Path(root) / "models" / kind.replace("-", "_")).is_dir() for root in roots):
        return True
    from transformers import CONFIG_MAPPING

    return kind in CONFIG_MAPPING


def _listed_as_causal(architectures: list[str]) -> bool:
    """Older models have other names, such as GPT2LMHeadModel."""
    if not architectures:
        return False
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    causal = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    return any(name in causal for name in architectures)
