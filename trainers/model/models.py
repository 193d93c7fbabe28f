"""Makes the model of a trial: full weights, LoRA, or QLoRA."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from trainers.errors import TrainerError
from trainers.model.adapters import adapted, refuse_narrow_layers, without_dropout_and_repacking
from trainers.model.beside import parameters_beside
from trainers.model.compiled import compile_layers
from trainers.model.language_model import LanguageModel
from trainers.model.parameters import Counts, count, require_right_trainable
from trainers.model.probes import has_linear_head, isolates_documents
from trainers.model.recompute import recompute_layers
from trainers.model.sharding import shard
from trainers.spec import TrialSpec
from trainers.tokens.windows import Windows

_DROPOUTS = ("dropout", "dropout_prob", "dropout_rate", "pdrop", "layerdrop")
"""How configurations' names of dropouts end."""


@dataclass(frozen=True)
class Model:
    """A model ready to train, on its device."""

    module: nn.Module
    """The `transformers` model, or the adapters around it."""
    scorer: LanguageModel
    """`module` as its losses; holds it."""
    counts: Counts
    vocabulary: int
    device: torch.device
    precision: torch.dtype
    sharded: bool = False
    """Whether this rank holds a part of each parameter only; all ranks then go through the model equally often."""

    def nll(self, windows: Windows) -> torch.Tensor:
        """Nats of every target of windows, (batch, length) in fp32."""
        with autocast(self.device, self.precision):
            return self.scorer(windows)  # type: ignore[no-any-return]

    def total_nll(self, windows: Windows) -> torch.Tensor:
        """The sum of `nll`."""
        with autocast(self.device, self.precision):
            return self.scorer(windows, "sum")  # type: ignore[no-any-return]

    def logits(self, windows: Windows) -> torch.Tensor:
        """fp32 logits (batch, length, vocabulary)."""
        with autocast(self.device, self.precision):
            return self.scorer.logits(windows)

    def train(self) -> None:
        """Switch dropout on."""
        self.module.train()

    def evaluate(self) -> None:
        """Switch dropout off."""
        without_dropout_and_repacking(self.module)

    @property
    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return {name: p for name, p in self.module.named_parameters() if p.requires_grad}


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Where a model computes in `precision`, whatever its weights are held in."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == torch.bfloat16)


def torch_type(precision: Literal["fp32", "bf16"]) -> torch.dtype:
    """The type of numbers in a precision."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def held_type(spec: TrialSpec) -> torch.dtype:
    """What the base model's weights are held in, where they are not quantised.

    Full training holds fp32 weights in both precisions, because bf16 weights lose small updates.
    """
    return torch.float32 if spec.method == "full" else torch_type(spec.precision)


def build(spec: TrialSpec, device: torch.device, sharded: bool = False) -> Model:
    """The model that a spec asks for; the same on every rank, or a part of it on each.

    Weights are held in `held_type`, or frozen in NF4.

    Raises:
        TrainerError: the model, method and lengths do not go together.
    """
    precision, dtype = torch_type(spec.precision), held_type(spec)
    torch.manual_seed(spec.seed)
    # What is divided lies whole in the host's memory before; the device holds parts only.
    home = torch.device("cpu") if sharded else device
    base = load_base(spec, home, dtype, spec.method == "qlora", dtype if sharded else torch.uint8)
    check(base, spec, device)
    # A token that pads in other people's batches is text in ours; its embedding would get no gradient.
    base.get_input_embeddings().padding_idx = None
    counts, vocabulary = count(base), len(base.get_input_embeddings().weight)
    module = base.requires_grad_(True) if spec.lora is None else adapted(base, spec.lora, spec.seed)
    require_right_trainable(module, None if spec.lora is None else parameters_beside(base, spec.lora))
    if spec.activation_checkpointing:
        recompute_layers(base, spec.model.name)
    with autocast(home, precision):
        scorer = LanguageModel(module, has_linear_head(module))
    if spec.torch_compile:
        compile_layers(module)
    if sharded:
        shard(scorer, precision, device)
    model = Model(module, scorer, counts.with_trainable(module), vocabulary, device, precision, sharded)
    model.train()
    return model


def load_base(
    spec: TrialSpec, device: torch.device, dtype: torch.dtype, quantised: bool, storage: torch.dtype = torch.uint8
) -> Any:
    """A `transformers` model from the spec's folder or configuration.

    Its attention is PyTorch's scaled-dot-product attention, the library's default, where the architecture can have it.

    Packed 4-bit weights are stored as numbers of the type `storage`, whose values mean nothing. Where a model is
    divided, that must be the compute precision: casting to it, which is no conversion then, would destroy any other.
    """
    import transformers

    transformers.utils.logging.disable_progress_bar()
    config = load_config(spec)
    if spec.model.path is None:
        return transformers.AutoModelForCausalLM.from_config(config, dtype=dtype).to(device)
    options: dict[str, Any] = {"config": config, "dtype": dtype}
    if quantised:
        options |= {"quantization_config": nf4(dtype, storage), "device_map": {"": str(device)}}
    model = transformers.AutoModelForCausalLM.from_pretrained(spec.model.path, **options)
    return _unmapped(model) if quantised else model.to(device)


def _unmapped(model: Any) -> Any:
    """A 4-bit model without views of its checkpoint's file: one would keep all of the file in a CPU's memory."""
    for parameter in model.parameters():
        if getattr(parameter, "quant_state", None) is None and parameter.device.type == "cpu":
            parameter.data = parameter.data.clone()
    return model


def load_config(spec: TrialSpec) -> Any:
    """The `transformers` configuration of a spec's model, as it is trained: `without_dropout`."""
    import transformers

    if spec.model.config is None:
        return without_dropout(transformers.AutoConfig.from_pretrained(spec.model.path))
    options = dict(spec.model.config)
    return without_dropout(transformers.AutoConfig.for_model(options.pop("model_type"), **options))


def without_dropout(config: Any) -> Any:
    """The configuration, and those inside it, with every dropout of the base model at 0 (adapters have their own).

    A pass or two over new text does not overfit, and masks that depend on how a batch is divided would make the loss
    curve depend on it too.
    """
    for key in config.sub_configs:
        if getattr(config, key, None) is not None:
            without_dropout(getattr(config, key))
    for key, value in vars(config).items():
        if key.endswith(_DROPOUTS) and isinstance(value, float):
            setattr(config, key, 0.0)
    return config


def nf4(dtype: torch.dtype, storage: torch.dtype = torch.uint8) -> Any:
    """How QLoRA quantises: NF4 with double quantisation, computing in `dtype`, stored as numbers of type `storage`."""
    import transformers

    # All explicit: the library's own default is still fp4 without double quantisation.
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_quant_storage=storage,
    )


def check(base: Any, spec: TrialSpec, device: torch.device) -> None:
    """Refuse what the model cannot do.

    Raises:
        TrainerError: blocks are longer than it knows, its documents cannot be kept apart, or its layers are too narrow.
    """
    refuse_long_blocks(base, spec)
    if spec.document_mask and not isolates_documents(base):
        raise TrainerError(
            f"document_mask: {spec.model.name} ({base.config.model_type}) lets documents of a block see each other "
            "whatever their positions; leave document_mask out, or use another architecture (Llama, Qwen, Mistral, "
            "Gemma, GPT-2 and GPT-NeoX can)"
        )
    if spec.method == "qlora" and device.type == "cpu":
        refuse_narrow_layers(base, spec.model.name)


def refuse_long_blocks(base: Any, spec: TrialSpec) -> None:
    """Refuse blocks that are longer than the model knows.

    Raises:
        TrainerError: they are.
    """
    longest = getattr(base.config.get_text_config(), "max_position_embeddings", None)
    if longest is not None and spec.max_seq_length > longest:
        raise TrainerError(
            f"max_seq_length: {spec.max_seq_length} is more than the {longest} positions that the model knows; "
            f"use {longest} or less"
        )
