"""A trial's model made of tensors without numbers: any architecture and any size, in a second and no memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import nn

from trainers.errors import TrainerError
from trainers.model.adapters import adapted, is_4bit, refuse_narrow_layers
from trainers.model.language_model import LanguageModel, base_of
from trainers.model.models import held_type, load_config, nf4, refuse_long_blocks
from trainers.model.recompute import recompute_layers
from trainers.spec import TrialSpec
from trainers.tokens.windows import Windows


@contextmanager
def without_numbers(document_mask: bool) -> Iterator[None]:
    """Tensors made inside have a shape, a type and a life, but no memory.

    Args:
        document_mask: whether positions will restart within blocks. `transformers` looks at their values to find out,
            and takes the dearer way where there are none to look at.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        if document_mask:
            yield
        else:
            with mock.patch("transformers.masking_utils.find_packed_sequence_indices", return_value=None):
                yield


def stand_in(spec: TrialSpec, device: torch.device) -> nn.Module:
    """What `models.build` would make of a spec, with its tensors still on the meta device.

    The libraries that build models know that device and leave it alone.

    Args:
        spec: the trial.
        device: where it will run.

    Raises:
        TrainerError: the model and the method do not go together, or there is no configuration to build it from.
    """
    config = _configuration(spec)
    with torch.device("meta"):
        base = _base(spec, config)
        refuse_long_blocks(base, spec)
        if spec.method == "qlora" and device.type == "cpu":
            refuse_narrow_layers(base, spec.model.name)
        module: nn.Module = base.requires_grad_(True) if spec.lora is None else adapted(base, spec.lora, spec.seed)
    if spec.activation_checkpointing:
        recompute_layers(base, spec.model.name)
    return module


def on_stage(module: nn.Module) -> LanguageModel:
    """A stand-in ready to train on the CPU, as it were; to be called inside `without_numbers`."""
    _move_to_cpu(module)
    scorer = LanguageModel(module, _hands_on_logits(base_of(module)))
    module.train()
    return scorer


def _move_to_cpu(module: nn.Module) -> None:
    """Replace every parameter and buffer by one on the (pretended) CPU; what shares a tensor goes on sharing it."""
    moved: dict[int, nn.Parameter] = {}
    for layer in module.modules():
        for name, parameter in layer._parameters.items():
            if parameter is not None:
                if id(parameter) not in moved:
                    moved[id(parameter)] = _on_cpu(layer, parameter)
                layer._parameters[name] = moved[id(parameter)]
        for name, buffer in layer._buffers.items():
            layer._buffers[name] = None if buffer is None else _empty(buffer)


def _on_cpu(layer: Any, parameter: nn.Parameter) -> nn.Parameter:
    if type(parameter).__name__ != "Params4bit":
        return nn.Parameter(_empty(parameter), parameter.requires_grad)
    packed = nn.Parameter(torch.empty(-(-parameter.numel() // 2), 1, dtype=torch.uint8), requires_grad=False)
    packed.quant_state = _quant_state(parameter, layer.compute_dtype)  # type: ignore[attr-defined]
    return packed


def _quant_state(parameter: nn.Parameter, dtype: torch.dtype) -> Any:
    """What bitsandbytes keeps beside a weight: a scale for 64 numbers in a byte, a scale for 256 scales in fp32.

    Made by hand: its own functions would keep tables without numbers for the rest of the process.
    """
    from bitsandbytes.functional import QuantState

    scales = -(-parameter.numel() // 64)
    nested = QuantState(
        absmax=torch.empty(-(-scales // 256)), code=torch.empty(256), blocksize=256, dtype=torch.float32
    )
    return QuantState(
        absmax=torch.empty(scales, dtype=torch.uint8),
        shape=parameter.shape,
        code=torch.empty(16),
        blocksize=64,
        quant_type="nf4",
        dtype=dtype,
        offset=torch.empty(()),
        state2=nested,
    )


def _empty(like: torch.Tensor) -> torch.Tensor:
    return torch.empty(like.shape, dtype=like.dtype, device="cpu")


def _configuration(spec: TrialSpec) -> Any:
    try:
        return load_config(spec)
    except (OSError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise TrainerError(
            f"model: the configuration of {spec.model.name} cannot be read from {spec.model.path}: {first}; give a "
            "folder with a config.json that transformers knows"
        ) from error


def _base(spec: TrialSpec, config: Any) -> Any:
    import transformers

    dtype = held_type(spec)
    base = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    if spec.method == "qlora":
        _quantise(base, dtype)
    return base


def _quantise(base: Any, dtype: torch.dtype) -> None:
    """Turn the layers into 4-bit ones that `from_pretrained` would."""
    from transformers.quantizers import AutoHfQuantizer

    AutoHfQuantizer.from_config(nf4(dtype)).preprocess_model(base, device_map={"": "cpu"})
    for layer in base.modules():
        if is_4bit(layer) and layer.bias is not None:
            layer.bias.data = layer.bias.data.to(dtype)
    base.is_loaded_in_4bit = True  # what PEFT looks for


def _hands_on_logits(base: Any) -> bool:
    """What `probes.has_linear_head` finds by values, without values: the output layer's result is the model's.

    The decoder does not run for it; a model that goes past its `base_model` is noticed, as there.
    """
    head, decoder = base.get_output_embeddings(), base.base_model
    if not isinstance(head, nn.Linear) or is_4bit(head) or decoder is base:
        return False
    hidden = torch.empty(1, 4, head.in_features, dtype=head.weight.dtype)
    seen: list[torch.Tensor] = []
    hook = head.register_forward_hook(lambda _, __, output: seen.append(output))
    try:
        with mock.patch.object(decoder, "forward", return_value=_OnlyHidden(hidden)) as forward:
            logits = base(input_ids=torch.zeros(1, 4, dtype=torch.int64), use_cache=False).logits
    finally:
        hook.remove()
    return forward.called and logits is seen[0]


class _OnlyHidden:
    """What a decoder returns, with nothing but the last hidden state in it."""

    def __init__(self, hidden: torch.Tensor) -> None:
        self.last_hidden_state = hidden

    def __getattr__(self, name: str) -> None:
        return None

    def __getitem__(self, index: int) -> torch.Tensor | None:
        return self.last_hidden_state if index == 0 else None


def blank(rows: int, length: int, document_mask: bool) -> Windows:
    """Windows without content, to be made inside `without_numbers`."""
    tokens = torch.zeros(rows, length + 1, dtype=torch.int64)
    return Windows(tokens, torch.zeros(rows, length, dtype=torch.int64) if document_mask else None)


def decoder_of(scorer: LanguageModel) -> nn.Module:
    """The part of a model below its output layer."""
    decoder: nn.Module = base_of(scorer.module).base_model
    return decoder
