"""Tokenise documents and write the three splits of a packed corpus."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeper.corpora.held_out import HeldOut
from sweeper.corpora.pool import TokenizerPool
from sweeper.corpora.tokenizer import Encoder, TokenizerRef
from trainers.tokens.packed import SPLITS, Split, write_split

BATCH_DOCUMENTS = 1024
BATCH_BYTES = 1_000_000
"""A batch is what one process tokenises at a time; it is closed when either limit is reached."""
Row = tuple[bytes, int]
"""A document: its stored tokens, and UTF-8 bytes of its text."""


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


def pack(
    placed: Iterable[Placed], ref: TokenizerRef, encoder: Encoder, folder: Path, pool: TokenizerPool
) -> dict[Split, Packed]:
    """Write `train` in the order read, and `valid` and `test` in the order of their hashes.

    An evaluation reads the first blocks of a held-out split: in hash order these are a random sample of its documents.
    One pass over the documents; memory grows by 24 bytes with each document that is held out, and by nothing else.
    """
    totals = dict.fromkeys(SPLITS, 0)
    with HeldOut(folder / "valid.held") as valid, HeldOut(folder / "test.held") as test:
        held: dict[Split, HeldOut] = {"valid": valid, "test": test}

        def train() -> Iterator[Row]:
            for document, tokens in _tokenised(placed, ref, encoder, pool):
                totals[document.split] += document.size
                if document.split == "train":
                    yield tokens, document.size
                else:
                    held[document.split].add(document.digest, tokens, document.size)

        # First, because it fills what the others are written from.
        written: dict[Split, tuple[int, int]] = {"train": _write(folder, "train", train(), encoder)}
        written |= {split: _write(folder, split, documents.in_order(), encoder) for split, documents in held.items()}
    return {split: Packed(*written[split], totals[split]) for split in written}


def _tokenised(
    placed: Iterable[Placed], ref: TokenizerRef, encoder: Encoder, pool: TokenizerPool
) -> Iterator[tuple[Placed, bytes]]:
    for batch, found in pool.map(ref, encoder.documents(), _batches(placed), _texts):
        yield from zip(batch, found, strict=True)


def _texts(batch: list[Placed]) -> list[str]:
    return [document.text for document in batch]


def _write(folder: Path, split: Split, rows: Iterable[Row], encoder: Encoder) -> tuple[int, int]:
    arrays: Iterator[tuple[NDArray[np.unsignedinteger], int]] = (
        (np.frombuffer(tokens, dtype=encoder.dtype), size) for tokens, size in rows
    )
    return write_split(folder, split, arrays, encoder.dtype)


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
