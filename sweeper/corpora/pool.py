"""Processes that tokenise, started when there is enough to do and kept for the corpora that follow."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import chain, islice
from types import TracebackType
from typing import TypeVar

from sweeper.corpora.errors import CorpusError
from sweeper.corpora.tokenizer import DocumentEncoder, TokenizerRef
from sweeper.corpora.workers import Workers

ALONE = 3
"""Up to so many batches are tokenised in this process: starting others would take as long."""
T = TypeVar("T")


def usable_cpus() -> int:
    """Cores that this process may use: a container's limit, not the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class TokenizerPool:
    """Tokenises batches of texts in `processes` processes beside this one; use it in a `with` statement.

    What it gives is in the order of what it was given: the number of processes changes no result. With one process
    none is started. Processes stay until another tokeniser is asked for or the pool is closed. Not for several threads.
    """

    def __init__(self, processes: int | None = None) -> None:
        """Start nothing yet.

        Args:
            processes: how many; None takes as many as there are CPUs that this process may use.

        Raises:
            CorpusError: fewer than one.
        """
        self.processes = usable_cpus() if processes is None else processes
        if self.processes < 1:
            raise CorpusError(f"processes: {processes} must be at least 1; leave it out to use every CPU")
        self._workers: Workers | None = None

    def map(
        self,
        ref: TokenizerRef,
        documents: DocumentEncoder,
        batches: Iterator[T],
        texts: Callable[[T], Sequence[str]],
    ) -> Iterator[tuple[T, list[bytes]]]:
        """Each batch with the stored tokens of its texts.

        Args:
            ref: the tokeniser, for other processes.
            documents: the same, loaded, for this one.
            batches: whatever there is; at most twice as many as processes are held at a time.
            texts: the texts of a batch.

        Raises:
            CorpusError: a process died.
        """
        first = list(islice(batches, ALONE + 1)) if self.processes > 1 else []
        if len(first) > ALONE:
            yield from self._spread(self._workers_for(ref), chain(first, batches), texts)
        else:
            for batch in chain(first, batches):
                yield batch, documents.stored(texts(batch))

    def _spread(
        self, workers: Workers, batches: Iterator[T], texts: Callable[[T], Sequence[str]]
    ) -> Iterator[tuple[T, list[bytes]]]:
        waiting: deque[tuple[T, Future[list[bytes]]]] = deque()
        for batch in batches:
            waiting.append((batch, workers.submit(texts(batch))))
            if len(waiting) == 2 * self.processes:
                yield _settled(*waiting.popleft())
        while waiting:
            yield _settled(*waiting.popleft())

    def _workers_for(self, ref: TokenizerRef) -> Workers:
        if self._workers is not None and self._workers.ref != ref:
            self.close()
        self._workers = self._workers or Workers(ref, self.processes)
        return self._workers

    def close(self) -> None:
        """End the processes."""
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()

    def __enter__(self) -> "TokenizerPool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _settled(batch: T, future: "Future[list[bytes]]") -> tuple[T, list[bytes]]:
    return batch, future.result()
