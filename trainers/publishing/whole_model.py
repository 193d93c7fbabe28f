"""The trained model as a plain `transformers` model in the host's memory, adapters merged."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainers.model.adapters import adapted
from trainers.model.beside import modules_beside
from trainers.model.models import load_base
from trainers.publishing.base_names import label
from trainers.spec import TrialSpec

ADAPTER = "adapter"
"""The adapters' folder in an export."""

State = Mapping[str, torch.Tensor]
"""Trained parameters by name, whole."""


def save_weights(spec: TrialSpec, state: State, dtype: torch.dtype, end_of_text: int, folder: Path) -> None:
    """Write configuration and weights (in files of 50 GB at most), and for adapters a PEFT folder beside them.

    Args:
        spec: what was trained.
        state: what training changed: all parameters for `full`, else adapters and what is trained beside them.
        dtype: of the written weights. Merging adds in fp32 and rounds once, to this.
        end_of_text: where generation stops if the base model does not say.
        folder: exists already.

    Raises:
        RuntimeError: `state` is not what the spec's method trains.
    """
    import transformers

    transformers.utils.logging.disable_progress_bar()
    if spec.lora is None:
        model = _full(spec, state, dtype)
    else:
        adapters = _with_adapters(spec, state)
        _save_adapters(adapters, spec, folder / ADAPTER)
        model = _merged(adapters, dtype)
    _put_back_dropout(model.config, _config(spec))
    model.generation_config = _generation_config(model.config, end_of_text)
    model.save_pretrained(folder)


def _full(spec: TrialSpec, state: State, dtype: torch.dtype) -> Any:
    import transformers

    # Built without memory: every parameter comes from `state`.
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(_config(spec), dtype=dtype)
    _require_names(set(state), {name for name, _ in model.named_parameters()})
    model.load_state_dict({name: value.detach().to("cpu", dtype) for name, value in state.items()}, False, assign=True)
    model.tie_weights()
    empty = [name for name, value in model.state_dict().items() if value.is_meta]
    if empty:
        raise RuntimeError(f"export: the trained parameters leave {empty[:3]} of {spec.model.name} without a value")
    return model


def _with_adapters(spec: TrialSpec, state: State) -> Any:
    assert spec.lora is not None
    stored = getattr(_config(spec), "dtype", None) or torch.float32
    # The type of the files: merging reads the base as it was published, whatever it was trained through.
    base = load_base(spec, torch.device("cpu"), stored, quantised=False)
    model: Any = adapted(base, spec.lora, spec.seed)
    fresh = {name: p for name, p in model.named_parameters() if p.requires_grad}
    _require_names(set(state), set(fresh))
    with torch.no_grad():
        for name, parameter in fresh.items():
            parameter.copy_(state[name])
    return model


def _require_names(given: set[str], wanted: set[str]) -> None:
    if given != wanted:
        raise RuntimeError(
            f"export: the trained parameters lack {sorted(wanted - given)[:3]} and have {sorted(given - wanted)[:3]} "
            "too many"
        )


def _save_adapters(model: Any, spec: TrialSpec, folder: Path) -> None:
    """Write a PEFT folder; what trained in full beside the adapters goes in as PEFT's `modules_to_save`."""
    import peft
    from safetensors.torch import save_file

    assert spec.lora is not None
    beside = modules_beside(model.get_base_model(), spec.lora)
    # Never "auto": that asks the hub for the base model's vocabulary.
    tensors = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    for name, module in beside.items():
        tensors |= {f"base_model.model.{name}.{key}": p for key, p in module.named_parameters(recurse=False)}
    config = copy.copy(model.peft_config["default"])
    config.modules_to_save = sorted(beside) or None
    config.inference_mode = True
    # Not the folder that this machine has the base in, which would mean nothing elsewhere.
    config.base_model_name_or_path = label(spec.model)
    folder.mkdir()
    config.save_pretrained(folder)
    # Copies: the format knows no shared tensors.
    tensors = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})


@torch.no_grad()
def _merged(model: Any, dtype: torch.dtype) -> Any:
    from peft.tuners.lora import LoraLayer

    for layer in list(model.modules()):
        if isinstance(layer, LoraLayer):
            base: Any = layer.get_base_layer()
            total = base.weight.float() + layer.get_delta_weight("default").float()
            base.weight = nn.Parameter(total.to(dtype), requires_grad=False)
    return model.unload().to(dtype)


def _config(spec: TrialSpec) -> Any:
    """The base model's configuration as it was published."""
    import transformers

    if spec.model.config is None:
        return transformers.AutoConfig.from_pretrained(spec.model.path)
    fields = dict(spec.model.config)
    return transformers.AutoConfig.for_model(fields.pop("model_type"), **fields)


def _put_back_dropout(config: Any, published: Any) -> None:
    """Training switches the base model's dropout off (`models.without_dropout`); the next user decides anew."""
    for key, value in published.to_dict().items():
        if key.endswith(("dropout", "pdrop")):
            setattr(config, key, value)


def _generation_config(config: Any, end_of_text: int) -> Any:
    """The model's special tokens, no sampling; replaced by the base model's own file where it has one."""
    import transformers

    end = end_of_text if config.eos_token_id is None else config.eos_token_id
    padding = getattr(config, "pad_token_id", None)
    return transformers.GenerationConfig(
        bos_token_id=getattr(config, "bos_token_id", None),
        eos_token_id=end,
        pad_token_id=padding if padding is not None else end if isinstance(end, int) else end[0],
    )
