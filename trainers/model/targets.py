"""Which layers of a model get low-rank adapters."""

import re
from typing import Any

from torch import nn

from trainers.errors import TrainerError
from trainers.spec import Lora


def is_transposed(module: nn.Module) -> bool:
    """Whether a layer is GPT-2's `Conv1D`: a linear layer whose weight is (inputs, outputs)."""
    return type(module).__name__ == "Conv1D"


def target_layers(base: Any, lora: Lora) -> list[str]:
    """The names of the linear layers to adapt.

    `all-linear` is every linear layer but the output layer. Another string is a pattern for whole names, or what a name
    ends with; of a list, each entry is what a name ends with.

    Raises:
        TrainerError: an entry matches no linear layer, or an adapter of the output layer could not be merged.
    """
    linear = {name: m for name, m in base.named_modules() if isinstance(m, nn.Linear) or is_transposed(m)}
    head = {name for name, module in linear.items() if module is base.get_output_embeddings()}
    asked = lora.target_modules
    if isinstance(asked, str) and asked.lower() == "all-linear":
        return sorted(set(linear) - head)
    if isinstance(asked, str):
        found = _ending(asked, linear) | {name for name in linear if re.fullmatch(asked, name)}
        chosen = {asked: found}
    else:
        chosen = {entry: _ending(entry, linear) for entry in asked}
    _require_matches(chosen, linear)
    names = set().union(*chosen.values())
    if names & head:
        _require_mergeable(base, lora, min(head))
    return sorted(names)


def _ending(entry: str, names: dict[str, nn.Module]) -> set[str]:
    return {name for name in names if f".{name}".endswith(f".{entry}")}


def _require_matches(chosen: dict[str, set[str]], linear: dict[str, nn.Module]) -> None:
    # PEFT passes over an entry that matches nothing where another one does.
    missing = [entry for entry, names in chosen.items() if not names]
    if missing or not chosen:
        known = ", ".join(sorted({name.rpartition(".")[2] for name in linear}))
        raise TrainerError(
            f"lora.target_modules: {missing or 'an empty list'} matches no linear layer of the model; "
            f"use all-linear, or names of {known}"
        )


def _require_mergeable(base: Any, lora: Lora, head: str) -> None:
    if lora.train_embeddings:
        raise TrainerError(
            f"lora.target_modules: train_embeddings trains {head} in full, so that it takes no adapter; leave one out"
        )
    if base.get_output_embeddings().weight is base.get_input_embeddings().weight:
        raise TrainerError(
            f"lora.target_modules: {head} shares its weight with the input embedding, so that an adapter of it could "
            "not be merged; leave it out, or use train_embeddings"
        )
