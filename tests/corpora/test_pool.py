import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sweeper.corpora.errors import CorpusError
from sweeper.corpora.pool import ALONE, TokenizerPool
from sweeper.corpora.tokenizer import TokenizerRef, load_encoder
from tests.corpora.word_tokenizer import GPT2, save_word_tokenizer, word_tokenizer_text

BATCHES = [[f"text {i} of these", "and another one", "x" * i] for i in range(ALONE + 12)]


@pytest.fixture(scope="module")
def ref(tmp_path_factory: pytest.TempPathFactory) -> TokenizerRef:
    return save_word_tokenizer(tmp_path_factory.mktemp("words"), word_tokenizer_text(GPT2))


def mapped(pool: TokenizerPool, ref: TokenizerRef, batches: list[list[str]]) -> list[tuple[list[str], list[bytes]]]:
    return list(pool.map(ref, load_encoder(ref).documents(), iter(batches), lambda batch: batch))


def children() -> list[int]:
    """Processes that tokenise below this one."""
    return [p.pid for p in psutil.Process().children(recursive=True) if "sweeper.corpora.worker" in p.cmdline()]


def test_the_number_of_processes_changes_neither_tokens_nor_order(ref: TokenizerRef) -> None:
    expected = [(batch, load_encoder(ref).documents().stored(batch)) for batch in BATCHES]
    for processes in (1, 2, 3):
        with TokenizerPool(processes) as pool:
            assert mapped(pool, ref, BATCHES) == expected


def test_processes_are_started_for_much_text_kept_and_ended(ref: TokenizerRef, tmp_path: Path) -> None:
    other = save_word_tokenizer(tmp_path, word_tokenizer_text(GPT2, added=("another",)))
    with TokenizerPool(2) as pool:
        mapped(pool, ref, BATCHES[:ALONE])
        assert children() == []
        mapped(pool, ref, BATCHES)
        first = children()
        assert 1 <= len(first) <= 2
        mapped(pool, ref, BATCHES)
        assert set(first) <= set(children())
        mapped(pool, other, BATCHES)
        assert not set(first) & set(children())
    assert children() == []


def test_batches_are_read_only_a_few_ahead_of_what_is_taken(ref: TokenizerRef) -> None:
    read = 0

    def batches() -> Iterator[list[str]]:
        nonlocal read
        for batch in BATCHES * 4:
            read += 1
            yield batch

    with TokenizerPool(2) as pool:
        found = pool.map(ref, load_encoder(ref).documents(), batches(), lambda batch: batch)
        for taken, _ in enumerate(found, start=1):
            assert read <= max(taken + 2 * 2 - 1, ALONE + 1)
    assert taken == len(BATCHES) * 4


def test_a_process_that_dies_stops_the_work_with_its_status(ref: TokenizerRef) -> None:
    with TokenizerPool(2) as pool:
        found = pool.map(ref, load_encoder(ref).documents(), iter(BATCHES * 10), lambda batch: batch)
        next(found)
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(CorpusError, match=r"ended with status -9;.*fewer prepare_processes"):
            list(found)
    assert children() == []


def test_no_process_outlives_the_one_that_started_it(ref: TokenizerRef) -> None:
    program = (
        "import sys\nfrom tests.corpora.test_pool import *\n"
        f"ref = TokenizerRef({ref.path!r}, {ref.fingerprint!r})\n"
        "pool = TokenizerPool(2)\nmapped(pool, ref, BATCHES)\nprint(*children(), flush=True)\nsys.stdin.read()\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True, cwd=root)
    assert process.stdout is not None
    started = [int(pid) for pid in process.stdout.readline().split()]
    assert started
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while any(map(_runs, started)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(_runs, started))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_no_process_at_all_is_refused() -> None:
    with pytest.raises(CorpusError, match="processes: 0 must be at least 1"):
        TokenizerPool(0)
