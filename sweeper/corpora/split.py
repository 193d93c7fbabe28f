"""Which split a document belongs to: decided by its own text alone, before anything is packed.

A document's place is a hash of its text with a constant salt. Adding documents to a corpus therefore moves none across
the line, and exact copies of one document always fall on the same side.
"""

import hashlib
from array import array
from dataclasses import dataclass, field

import numpy as np

from trainers.tokens.packed import SPLITS, Split

_SALT = b"sweeper split 1"


def text_digest(text: str) -> int:
    """64 bits over a document's text without the white space around it."""
    return int.from_bytes(hashlib.blake2b(text.strip().encode("utf-8"), digest_size=8, salt=_SALT).digest(), "big")


def split_of(digest: int, valid: float, test: float) -> Split:
    """`test` for the lowest hashes, `valid` for the next, else `train`; shares in [0, 1)."""
    place = digest / 2**64
    if place < test:
        return "test"
    return "valid" if place < test + valid else "train"


def _zeros() -> dict[str, int]:
    return dict.fromkeys(SPLITS, 0)


@dataclass
class Divider:
    """Sends each document to its split, once, and keeps held-out text out of training.

    Held-out documents go to one split once. Training documents that equal a held-out one are dropped; that copies of
    each other stand in training is counted only, because leaving them out is a choice about the corpus.
    Documents of explicit held-out sources must be placed before those of the main source.
    """

    valid: float
    """Share of the main source that goes to validation."""
    test: float
    dropped: dict[str, int] = field(default_factory=_zeros)
    """Exact duplicates left out, by the split they would have been in."""
    _held: set[int] = field(default_factory=set)
    _trained: "array[int]" = field(default_factory=lambda: array("Q"))

    def place(self, digest: int, explicit: Split | None = None) -> Split | None:
        """The split of a document, None where it is dropped as a duplicate."""
        split = explicit or split_of(digest, self.valid, self.test)
        if digest in self._held:
            self.dropped[split] += 1
            return None
        if split == "train":
            self._trained.append(digest)
        else:
            self._held.add(digest)
        return split

    def repeated(self) -> int:
        """Training documents that are copies of an earlier one, and were kept."""
        # Sorted where it lies: it is the only thing that grows with the corpus, and need not be there twice.
        digests = np.frombuffer(self._trained, dtype=np.uint64)
        digests.sort()
        return int(np.count_nonzero(digests[1:] == digests[:-1]))
