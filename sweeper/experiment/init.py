"""Writes an experiment file for the user's own text, with defaults fit for the model."""

import glob
import os
import re
import tempfile
from pathlib import Path

from sweeper.experiment.defaults import defaults_for
from sweeper.experiment.errors import ExperimentError
from sweeper.experiment.model_size import size_of
from sweeper.experiment.quantities import parse_tokens
from sweeper.experiment.template import render


def write_experiment(
    *,
    model: str,
    general: str,
    domain: str,
    tokens: str | int | None = None,
    name: str | None = None,
    output: str | Path | None = None,
) -> Path:
    """Write a commented experiment file and return its path.

    Args:
        model: Base model to adapt: a folder, a Hugging Face name, or `builtin:NAME`.
        general: Text not to forget: a file, folder or glob, `hf:NAME` or `builtin:NAME`.
        domain: Text to adapt to, likewise.
        tokens: Training tokens that all trials together may take (`200M`); by default what suits the model's size.
        name: Name of the experiment; by default the domain path's last part.
        output: File to write; by default `NAME.yaml` in the current folder.

    Raises:
        ExperimentError: a path does not exist, the file does, or `tokens` is too small for the model's steps.
    """
    title = _name(name, domain)
    target = Path(output) if output is not None else Path(f"{title}.yaml")
    if target.exists():
        raise ExperimentError(f"--output: {target} exists and is not overwritten; take it away or name another file")
    size = size_of(_checked_model(model))
    text = render(
        name=title,
        model=_as_written(model, target) if Path(model).expanduser().is_dir() else model,
        general=_as_written(_checked_text("--general", general), target),
        domain=_as_written(_checked_text("--domain", domain), target),
        size=size,
        defaults=defaults_for(size, None if tokens is None else _tokens(tokens)),
        file=target,
    )
    _write_new(target, text)
    return target


def _name(name: str | None, domain: str) -> str:
    if name is not None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ExperimentError(f"--name: {name!r} is not allowed; use letters, digits, '-', '_' and '.'")
        return name
    parts = [part for part in re.split(r"[/:]", domain) if part and not glob.has_magic(part) and part != "."]
    stem = (parts[-1] if parts else "domain").split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_") or "domain"


def _tokens(tokens: str | int) -> int:
    try:
        return parse_tokens(tokens)
    except ExperimentError as error:
        raise ExperimentError(f"--tokens: {error}") from None


def _checked_text(option: str, source: str) -> str:
    path = str(Path(source).expanduser())
    if _is_remote(source) or Path(path).exists() or _matches(path):
        return source
    raise ExperimentError(
        f"{option}: nothing is at {source!r}; give a file (jsonl, parquet, txt), a folder or a glob of them, or hf:NAME"
    )


def _matches(pattern: str) -> bool:
    root = Path(Path(pattern).anchor)
    return glob.has_magic(pattern) and any(root.glob(pattern.removeprefix(root.anchor)))


def _checked_model(model: str) -> str:
    folder = Path(model).expanduser()
    if model.startswith((".", "/", "~")) and not folder.is_dir():
        raise ExperimentError(f"--model: no folder at {model!r}; give a checkpoint's folder or a Hugging Face name")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ExperimentError(f"--model: {model!r} has no config.json; give a folder that `transformers` can load")
    return model


def _is_remote(source: str) -> bool:
    return source.startswith(("builtin:", "hf:"))


def _as_written(path: str, target: Path) -> str:
    """A path as it stands in the file: as given where that means the same from the file's folder, else absolute."""
    if _is_remote(path) or Path(path).expanduser().is_absolute():
        return path
    if target.parent.absolute() != Path.cwd():
        return os.path.relpath(Path(path).absolute(), target.parent.absolute())
    return path


def _write_new(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, suffix=".tmp", delete=False) as out:
        out.write(text)
    try:
        os.link(out.name, target)  # unlike a rename, refuses where another process has just written the file
    except FileExistsError:
        raise ExperimentError(f"--output: {target} exists and is not overwritten; name another file") from None
    finally:
        Path(out.name).unlink()
