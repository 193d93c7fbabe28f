"""Held-out documents on their way from the order they were read in to the order of their hashes."""

from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np


class HeldOut:
    """Keeps tokens in a file and, in memory, 24 bytes a document; removes the file at the end of a `with` statement."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._digests, self._lengths, self._sizes = array("Q"), array("Q"), array("Q")

    def add(self, digest: int, tokens: bytes, size: int) -> None:
        """Keep one document: its hash, stored tokens and bytes of text."""
        self._digests.append(digest)
        self._lengths.append(len(tokens))
        self._sizes.append(size)
        self._file.write(tokens)

    def in_order(self) -> Iterator[tuple[bytes, int]]:
        """(tokens, bytes of text) of each document, by hash; equal ones as they came."""
        ends = np.cumsum(np.frombuffer(self._lengths, dtype=np.uint64), dtype=np.int64)
        for i in np.argsort(np.frombuffer(self._digests, dtype=np.uint64), kind="stable"):
            self._file.seek(int(ends[i]) - self._lengths[i])
            yield self._file.read(self._lengths[i]), self._sizes[i]

    def __enter__(self) -> "HeldOut":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._path.unlink()
