"""What the comparison with `datasets.map` counts, and that both sides do the same work."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.prepare_throughput import ratios, texts_of, write_corpus
from benchmarks.preparing import Prepared, digest_of, ours
from benchmarks.process_memory import PeakMemory
from sweeper.corpora.tokenizer import load_encoder
from tests.corpora.word_tokenizer import GPT2, save_word_tokenizer, word_tokenizer_text


def run(seconds: float, cpu: float = 1.0, left_out: int = 0, digest: str = "d") -> Prepared:
    return Prepared(seconds=seconds, cpu_seconds=cpu, tokens=100, left_out=left_out, digest=digest)


def test_ratios_pair_the_runs_that_followed_each_other() -> None:
    case = ratios([run(1.0), run(2.0), run(4.0)], [run(3.0, 2.0, 7), run(10.0, 3.0, 7), run(8.0, 5.0, 7)])
    assert (case["ratio"], case["ratio_range"], case["cpu_ratio"]) == (3.0, [2.0, 5.0], 3.0)
    assert (case["tokens"], case["left_out"]) == (100, 7)


def test_sides_with_different_tokens_are_not_compared() -> None:
    with pytest.raises(RuntimeError, match="different tokens"):
        ratios([run(1.0)], [run(2.0, digest="e")])


def test_the_digest_tells_tokens_and_not_the_order_of_documents() -> None:
    assert digest_of([[1, 2], [3]]) == digest_of([[3], [1, 2]])
    assert len({digest_of(d) for d in ([[1, 2], [3]], [[1], [2, 3]], [[1, 2], [3], [3]], [[2, 1], [3]])}) == 4


def test_repeated_text_holds_no_document_twice(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in ("one", " one\n", "two")))
    texts = texts_of(str(tmp_path / "a.jsonl"))
    assert texts == [" one\n", "two"]
    write_corpus(texts, 3, tmp_path / "b.jsonl")
    assert len(texts_of(str(tmp_path / "b.jsonl"))) == 6


def test_our_side_tells_the_tokens_of_every_document(tmp_path: Path) -> None:
    ref = save_word_tokenizer(tmp_path / "words", word_tokenizer_text(GPT2))
    texts = [f"text number {i}" for i in range(200)]
    write_corpus(texts, 1, tmp_path / "a.jsonl")
    expected = [tokens.tolist() for tokens in load_encoder(ref).documents().arrays(texts)]
    done = ours(tmp_path / "a.jsonl", Path(ref.path), tmp_path / "cache", processes=1, check=True)
    assert (done.tokens, done.digest) == (sum(map(len, expected)), digest_of(expected))


def test_memory_of_descendants_counts() -> None:
    inner = "b = bytearray(60_000_000); print(flush=True); input()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with subprocess.Popen([sys.executable, "-c", outer], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with PeakMemory(process.pid) as memory:
            while memory.peak == 0:
                time.sleep(0.01)
        process.communicate("\n")
    assert 60e6 < memory.peak < 200e6
