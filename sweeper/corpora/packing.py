"""Tokenise documents and write the three splits of a packed corpus."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeper.corpora.tokenizer import Encoder
from trainers.packed import SPLITS, Split, write_split

BATCH_DOCUMENTS = 1024
BATCH_BYTES = 2_000_000
"""A batch is tokenised at once, on all cores; it is closed when either limit is reached."""
Tokens = NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class Placed:
    """A document with its split."""

    split: Split
    digest: int
    text: str
    size: int
    """UTF-8 bytes of `text`."""


@dataclass(frozen=True)
class Packed:
    """How much one split holds."""

    documents: int
    tokens: int
    bytes: int


def pack(placed: Iterable[Placed], encoder: Encoder, folder: Path) -> dict[Split, Packed]:
    """Write `train` in the order read, and `valid` and `test` in the order of their hashes.

    An evaluation reads the first blocks of a held-out split: in hash order these are a random sample of its documents.
    One pass over the documents; those of `valid` and `test` are held in memory as tokens.
    """
    held: dict[Split, list[tuple[int, Tokens, int]]] = {"valid": [], "test": []}
    totals = dict.fromkeys(SPLITS, 0)

    def train() -> Iterator[tuple[Tokens, int]]:
        for document, tokens in _tokenised(placed, encoder):
            totals[document.split] += document.size
            if document.split == "train":
                yield tokens, document.size
            else:
                held[document.split].append((document.digest, tokens, document.size))

    written: dict[Split, tuple[int, int]] = {"train": write_split(folder, "train", train(), encoder.dtype)}
    for split, documents in held.items():
        documents.sort(key=lambda row: row[0])
        written[split] = write_split(folder, split, ((tokens, size) for _, tokens, size in documents), encoder.dtype)
    return {split: Packed(*written[split], totals[split]) for split in written}


def _tokenised(placed: Iterable[Placed], encoder: Encoder) -> Iterator[tuple[Placed, Tokens]]:
    for batch in _batches(placed):
        yield from zip(batch, encoder.arrays([document.text for document in batch]), strict=True)


def _batches(placed: Iterable[Placed]) -> Iterator[list[Placed]]:
    batch: list[Placed] = []
    size = 0
    for document in placed:
        batch.append(document)
        size += document.size
        if len(batch) >= BATCH_DOCUMENTS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
