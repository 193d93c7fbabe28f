"""Which files a path, a glob or a folder stands for."""

import glob
from pathlib import Path

from sweeper.corpora.errors import CorpusError

KINDS = {
    ".jsonl": ("jsonl", ""),
    ".jsonl.gz": ("jsonl", "gz"),
    ".jsonl.zst": ("jsonl", "zst"),
    ".txt": ("txt", ""),
    ".txt.gz": ("txt", "gz"),
    ".txt.zst": ("txt", "zst"),
    ".parquet": ("parquet", ""),
}
"""File name ending -> (format, compression)."""


def kind_of(path: Path) -> tuple[str, str] | None:
    """The format and compression that a file's name says, None where it says none we read."""
    name = path.name.lower()
    return next((KINDS[ending] for ending in sorted(KINDS, key=len, reverse=True) if name.endswith(ending)), None)


def expand(source: str) -> list[Path]:
    """The files of one local source, sorted by path.

    Raises:
        CorpusError: nothing is there, or a file is of a kind that is not read.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        found = _below(path)
    elif path.is_file():
        found = [path]
    else:
        # Path.glob takes no absolute pattern.
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())  # noqa: PTH207
    if not found:
        raise CorpusError(f"source: nothing to read at {source!r}; {_allowed()}")
    for file in found:
        if kind_of(file) is None:
            raise CorpusError(f"source: {file} is not of a kind that is read; {_allowed()}")
    return found


def _below(folder: Path) -> list[Path]:
    """Readable files in all folders below, hidden ones left out."""
    files = (f for f in folder.rglob("*") if f.is_file() and kind_of(f))
    return sorted(f for f in files if not any(part.startswith(".") for part in f.relative_to(folder).parts))


def _allowed() -> str:
    return f"give a file ({', '.join(KINDS)}), a folder of such files, a glob, builtin:docs, builtin:code or hf:NAME"
