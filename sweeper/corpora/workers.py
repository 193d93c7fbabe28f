"""The processes of one tokeniser: each takes a batch, gives its tokens, and takes the next."""

import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sweeper.corpora.errors import CorpusError
from sweeper.corpora.tokenizer import TokenizerRef

Process = subprocess.Popen[bytes]


class Workers:
    """Up to `count` processes, started as batches find none idle.

    A process has pipes of its own and ends when its input does. So none outlives this process, however that ends, which
    holds neither for `multiprocessing`'s pools nor for those of `concurrent.futures`.
    """

    def __init__(self, ref: TokenizerRef, count: int) -> None:
        self.ref = ref
        self._count = count
        self._started: list[Process] = []
        self._idle: queue.SimpleQueue[Process] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="tokenise")

    def submit(self, texts: Sequence[str]) -> Future[list[bytes]]:
        """Have a batch tokenised: the stored tokens of each text."""
        if self._idle.empty() and len(self._started) < self._count:
            self._started.append(_start(self.ref))
            self._idle.put(self._started[-1])
        return self._threads.submit(self._ask, list(texts))

    def _ask(self, texts: list[str]) -> list[bytes]:
        process = self._idle.get()
        try:
            return _answer(process, texts)
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for process in self._started:
            process.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._started:
            process.communicate()


def _start(ref: TokenizerRef) -> Process:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
        # One thread a process: there are as many processes as CPUs.
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-m", "sweeper.corpora.worker", ref.path, ref.fingerprint]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def _answer(process: Process, texts: list[str]) -> list[bytes]:
    if process.stdin is None or process.stdout is None:
        raise CorpusError("a tokenising process has no pipes")
    try:
        pickle.dump(texts, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()
        return list(pickle.load(process.stdout))
    except (BrokenPipeError, EOFError, pickle.UnpicklingError) as error:
        raise CorpusError(
            f"tokenizer: a process that tokenises ended with status {process.wait()}; its last words are above. Where "
            "memory was short (status -9), set fewer prepare_processes in resources"
        ) from error
