"""The packed format of a corpus: one token stream a split, memory-mapped, with its document boundaries.

A folder holds `meta.json` and, for each split (`train`, `valid`, `test`), `SPLIT.tokens.npy` (the documents one after
another, each closed by an end-of-text token) and `SPLIT.documents.npy` (int64, one row a document: first token, tokens
with the end-of-text token, UTF-8 bytes).

Block i of length L has the inputs `stream[i*L : (i+1)*L]` and the targets `stream[i*L+1 : (i+1)*L+1]`: windows overlap
by one token, so that every token of a block is predicted once. A tail shorter than a whole window is not used.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainers.errors import TrainerError
from trainers.tokens.npy_stream import NpyStream

FORMAT_VERSION = 1
SPLITS = ("train", "valid", "test")
Split = Literal["train", "valid", "test"]
Documents = NDArray[np.int64]
"""Rows (first token, tokens, bytes)."""


@dataclass(frozen=True)
class PackedSplit:
    """One split: `tokens` (n,) unsigned integers, memory-mapped; `documents` (documents, 3)."""

    tokens: NDArray[np.unsignedinteger]
    documents: Documents

    def n_blocks(self, length: int) -> int:
        """How many whole blocks of `length` tokens there are."""
        return max(0, (len(self.tokens) - 1) // length)

    def window(self, block: int, length: int) -> NDArray[np.int64]:
        """The `length + 1` tokens of one block: inputs `[:-1]`, targets `[1:]`."""
        start = block * length
        return self.tokens[start : start + length + 1].astype(np.int64)

    def document_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The document that each token position lies in."""
        return np.searchsorted(self.documents[:, 0], positions, side="right") - 1


class PackedCorpus:
    """A packed corpus on disk; splits open on first use.

    Raises:
        TrainerError: the folder is not a packed corpus of this format version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        meta = self.path / "meta.json"
        if not meta.is_file():
            raise TrainerError(f"packed corpus: {self.path} has no meta.json; run `python -m sweeper prepare` again")
        self.meta = json.loads(meta.read_text(encoding="utf-8"))
        if self.meta.get("version") != FORMAT_VERSION:
            raise TrainerError(
                f"packed corpus: {self.path} has format {self.meta.get('version')}, this version reads "
                f"{FORMAT_VERSION}; run `python -m sweeper prepare` again"
            )
        self._splits: dict[str, PackedSplit] = {}

    def __getitem__(self, split: Split) -> PackedSplit:
        """One split of the corpus.

        Raises:
            TrainerError: the corpus lacks it.
        """
        if split not in self._splits:
            if not (self.path / f"{split}.tokens.npy").is_file():
                raise TrainerError(f"packed corpus: {self.path} has no {split} split; prepare it again with one")
            self._splits[split] = PackedSplit(
                tokens=np.load(self.path / f"{split}.tokens.npy", mmap_mode="r"),
                documents=np.load(self.path / f"{split}.documents.npy"),
            )
        return self._splits[split]


def write_split(
    folder: Path, split: Split, documents: Iterable[tuple[NDArray[np.unsignedinteger], int]], dtype: type
) -> tuple[int, int]:
    """Write one split from (tokens with end-of-text, UTF-8 bytes) pairs; returns (documents, tokens).

    Streams: memory does not grow with the corpus.
    """
    with (
        NpyStream(folder / f"{split}.tokens.npy", dtype) as stream,
        NpyStream(folder / f"{split}.documents.npy", np.int64, row=(3,)) as table,
    ):
        for tokens, size in documents:
            table.append((stream.rows, len(tokens), size))
            stream.append(tokens)
        return table.rows, stream.rows


def write_meta(folder: Path, meta: dict[str, object]) -> None:
    """Write `meta.json` (last, so that its presence says the folder is whole)."""
    text = json.dumps({"version": FORMAT_VERSION, **meta}, indent=1, sort_keys=True)
    (folder / "meta.json").write_text(text, encoding="utf-8")
