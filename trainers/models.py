"""Makes the model of a trial: full weights, LoRA, or QLoRA."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trainers.adapters import adapted, refuse_narrow_layers, without_dropout_and_repacking
from trainers.errors import TrainerError
from trainers.language_model import LanguageModel, has_linear_head
from trainers.parameters import Counts, count, require_right_trainable
from trainers.spec import TrialSpec
from trainers.windows import Windows


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

    def nll(self, windows: Windows) -> torch.Tensor:
        """Nats of every target of windows, (batch, length) in fp32."""
        with self._autocast():
            return self.scorer(windows)  # type: ignore[no-any-return]

    def total_nll(self, windows: Windows) -> torch.Tensor:
        """The sum of `nll`."""
        with self._autocast():
            return self.scorer(windows, "sum")  # type: ignore[no-any-return]

    def logits(self, windows: Windows) -> torch.Tensor:
        """fp32 logits (batch, length, vocabulary)."""
        with self._autocast():
            return self.scorer.logits(windows)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.precision == torch.bfloat16)

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


def build(spec: TrialSpec, device: torch.device) -> Model:
    """The model that a spec asks for; the same on every rank.

    Full training holds fp32 weights in both precisions, because bf16 weights lose small updates; frozen weights are
    held in the compute precision, or in NF4.

    Raises:
        TrainerError: the model, method and lengths do not go together.
    """
    precision = torch.bfloat16 if spec.precision == "bf16" else torch.float32
    torch.manual_seed(spec.seed)
    base = load_base(spec, device, torch.float32 if spec.method == "full" else precision, spec.method == "qlora")
    _check_length(base, spec.max_seq_length)
    counts = count(base)
    if spec.method == "qlora" and device.type == "cpu":
        refuse_narrow_layers(base, spec.model.name)
    module = base.requires_grad_(True) if spec.lora is None else adapted(base, spec.lora, spec.seed)
    require_right_trainable(module, spec.method)
    scorer = LanguageModel(module, has_linear_head(module))
    model = Model(module, scorer, counts.with_trainable(module), int(base.config.vocab_size), device, precision)
    model.train()
    return model


def load_base(spec: TrialSpec, device: torch.device, dtype: torch.dtype, quantised: bool) -> Any:
    """A `transformers` model from the spec's folder or configuration, with scaled-dot-product attention."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"attn_implementation": "sdpa", "dtype": dtype}
    if spec.model.config is not None:
        config = dict(spec.model.config)
        config = without_dropout(transformers.AutoConfig.for_model(config.pop("model_type"), **config))
        return transformers.AutoModelForCausalLM.from_config(config, **options).to(device)
    if quantised:
        options |= {"quantization_config": _nf4(dtype), "device_map": {"": str(device)}}
    config = without_dropout(transformers.AutoConfig.from_pretrained(spec.model.path))
    model = transformers.AutoModelForCausalLM.from_pretrained(spec.model.path, config=config, **options)
    return model if quantised else model.to(device)


def without_dropout(config: Any) -> Any:
    """The configuration with every dropout of the base model at 0 (adapters have their own).

    A pass or two over new text does not overfit, and masks that depend on how a batch is divided would make the loss
    curve depend on it too.
    """
    for key, value in config.to_dict().items():
        if key.endswith(("dropout", "pdrop")) and isinstance(value, float):
            setattr(config, key, 0.0)
    return config


def _nf4(dtype: torch.dtype) -> Any:
    import transformers

    # All explicit: the library's own default is still fp4 without double quantisation.
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def _check_length(base: Any, length: int) -> None:
    longest = getattr(base.config, "max_position_embeddings", None)
    if longest is not None and length > longest:
        raise TrainerError(
            f"max_seq_length: {length} is more than the {longest} positions that the model knows; use {longest} or less"
        )
