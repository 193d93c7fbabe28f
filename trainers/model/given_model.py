"""Models that are named on a command line: folders, hub names, adapters."""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from trainers.errors import TrainerError
from trainers.model.adapters import refuse_narrow_layers
from trainers.model.language_model import LanguageModel
from trainers.model.models import Model, autocast, check, load_base, torch_type
from trainers.model.parameters import count
from trainers.model.probes import has_linear_head
from trainers.spec import ModelRef, TrialSpec

Precision = Literal["fp32", "bf16"]

ADAPTER_CONFIG = "adapter_config.json"


@dataclass(frozen=True)
class GivenModel:
    """A model by name, and how to load it."""

    base: str
    """A folder or a hub name."""
    adapter: str | None
    """A PEFT folder."""

    @staticmethod
    def of(name: str, adapter: str | None) -> "GivenModel":
        """What a name on the command line means; an adapter's folder names its base itself.

        Raises:
            TrainerError: it cannot be found.
        """
        if adapter is None and (Path(name) / ADAPTER_CONFIG).is_file():
            return GivenModel(_base_of(Path(name)), name)
        if adapter is not None and not (Path(adapter) / ADAPTER_CONFIG).is_file():
            raise TrainerError(f"adapter: {adapter} has no {ADAPTER_CONFIG}; give a PEFT adapter's folder")
        if Path(name).is_dir() and not (Path(name) / "config.json").is_file():
            raise TrainerError(
                f"model: {name} has neither config.json nor {ADAPTER_CONFIG}; give a folder that transformers or PEFT "
                "wrote"
            )
        _refuse_misspelt(Path(name))
        return GivenModel(name, adapter)

    def tokenizer(self) -> Any | None:
        """The model's own tokeniser, None where there is none beside it.

        Raises:
            TrainerError: it cannot be read.
        """
        import transformers

        place = self.base
        if self.adapter is not None and _has_tokenizer(Path(self.adapter)):
            place = self.adapter
        if Path(place).is_dir() and not _has_tokenizer(Path(place)):
            return None
        try:
            return transformers.AutoTokenizer.from_pretrained(place)
        except Exception as error:  # the tokenisers' library raises plain ones
            raise TrainerError(f"model: the tokeniser of {place} cannot be loaded: {_first_lines(error)}") from None

    def load(
        self,
        length: int,
        precision: Precision,
        quantised: bool,
        document_mask: bool,
        device: torch.device,
    ) -> Model:
        """The model, ready to be measured; its weights are held in the compute precision, or in NF4.

        Raises:
            TrainerError: it cannot be loaded, or not used so.
        """
        spec = self._spec(length, precision, document_mask)
        dtype = torch_type(precision)
        try:
            base = load_base(spec, device, dtype, quantised)
        except (OSError, ValueError) as error:
            raise TrainerError(f"model: {self.base} cannot be loaded: {_first_lines(error)}") from None
        check(base, spec, device)
        if quantised and device.type == "cpu":
            refuse_narrow_layers(base, self.base)
        counts, vocabulary = count(base), len(base.get_input_embeddings().weight)
        module = base if self.adapter is None else _adapted(base, self.adapter)
        module.requires_grad_(False)
        with autocast(device, dtype):
            scorer = LanguageModel(module, has_linear_head(module))
        return Model(module, scorer, counts, vocabulary, device, dtype)

    def _spec(self, length: int, precision: Precision, document_mask: bool) -> TrialSpec:
        """A trial that measures the base model: what the parts of a trial ask for."""
        return TrialSpec(
            role="base",
            model=ModelRef(name=self.base, path=self.base, fingerprint="given"),
            method="full",
            learning_rate=1.0,
            corpora=(),
            mixture={},
            max_tokens=0,
            max_seq_length=length,
            global_batch_size=1,
            document_mask=document_mask,
            seed=0,
            precision=precision,
        )


def _has_tokenizer(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt"))


def _refuse_misspelt(folder: Path) -> None:
    """A name within a folder that is there is no hub name; a hub would be asked for half a minute."""
    if folder.exists() or folder.parent == Path() or not folder.parent.is_dir():
        return
    near = difflib.get_close_matches(folder.name, [p.name for p in folder.parent.iterdir()], n=1)
    hint = f"; did you mean {folder.parent / near[0]}?" if near else ""
    raise TrainerError(f"model: {folder} is not there{hint}")


def _base_of(folder: Path) -> str:
    name = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
    beside = folder.parent / "config.json"
    if name and (Path(name).is_dir() or not (Path(name).is_absolute() or ":" in name)):
        return str(name)
    found = f"names {name} as its base, which is not there" if name else "does not name its base"
    hint = f" (not {folder.parent}, into which it is merged already)" if beside.is_file() else ""
    raise TrainerError(
        f"model: the adapter {folder} {found}; give the base model as MODEL{hint} and --adapter {folder}"
    )


def _adapted(base: Any, adapter: str) -> Any:
    import peft

    try:
        return peft.PeftModel.from_pretrained(base, adapter)
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainerError(f"adapter: {adapter} does not fit the model: {_first_lines(error, 2)}") from None


def _first_lines(error: Exception, n: int = 1) -> str:
    """The first `n` lines with something in them: libraries tell what is the matter there."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:n]) or type(error).__name__
