"""One side of `prepare_throughput`, in a process of its own.

    python -m benchmarks.preparing SIDE CORPUS TOKENIZER [--processes 2] [--check]

Its last line is JSON. Imports and checks are outside the time that it tells.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 1024


@dataclass(frozen=True)
class Prepared:
    """What one side did."""

    seconds: float
    """From the call to the packed corpus on disk."""
    cpu_seconds: float
    """Of all its processes, in the same time."""
    tokens: int
    """With one end-of-text token a document."""
    left_out: int
    """Tokens that are in no block: tails of batches."""
    digest: str
    """Over the tokens of every document, whatever the order of the documents."""


def cpu_seconds() -> float:
    """CPU time of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def digest_of(documents: Iterable[Any]) -> str:
    """The sum of a hash of each document's tokens."""
    total = 0
    for tokens in documents:
        data = np.asarray(tokens, dtype=np.int64).tobytes()
        total += int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
    return f"{total % 2**64:016x}"


def ours(corpus: Path, tokenizer: Path, folder: Path, processes: int, check: bool) -> Prepared:
    """`prepare_corpus`: read, look for copies, split, tokenise, pack."""
    from sweeper.corpora.pool import TokenizerPool
    from sweeper.corpora.prepare import prepare_corpus
    from sweeper.corpora.source import CorpusSource
    from sweeper.corpora.tokenizer import TokenizerRef
    from trainers.tokens.packed import SPLITS, PackedCorpus

    began, cpu = time.perf_counter(), cpu_seconds()
    with TokenizerPool(processes) as pool:
        source, ref = CorpusSource(str(corpus)), TokenizerRef(str(tokenizer), "benchmark")
        made = prepare_corpus("benchmark", source, ref, folder, pool=pool)
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    packed = PackedCorpus(made.path)
    rows = ((split, row) for split in SPLITS for row in packed[split].documents)  # type: ignore[index]
    documents = (packed[split].tokens[start : start + n] for split, (start, n, _) in rows)  # type: ignore[index]
    tokens = sum(count.tokens for count in made.counts.values())
    return Prepared(seconds, cpu, tokens, 0, digest_of(documents) if check else "")


def mapped(corpus: Path, tokenizer: Path, folder: Path, processes: int, check: bool) -> Prepared:
    """The usual recipe: load, map a tokeniser over batches, map a grouping into blocks over batches."""
    import datasets
    from transformers import PreTrainedTokenizerFast

    datasets.disable_progress_bars()
    datasets.disable_caching()
    end = json.loads((tokenizer / "tokenizer_config.json").read_text(encoding="utf-8"))["eos_token"]
    fast = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer / "tokenizer.json"), eos_token=end)
    fast.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True

    def tokenise(rows: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        found = fast(rows["text"], add_special_tokens=False)
        return {
            "input_ids": [[*ids, fast.eos_token_id] for ids in found["input_ids"]],
            "attention_mask": [[*mask, 1] for mask in found["attention_mask"]],
        }

    def group(rows: dict[str, list[list[int]]]) -> dict[str, list[list[int]]]:
        joined = {name: list(chain.from_iterable(lists)) for name, lists in rows.items()}
        whole = len(joined["input_ids"]) // BLOCK * BLOCK
        blocks = {name: [row[i : i + BLOCK] for i in range(0, whole, BLOCK)] for name, row in joined.items()}
        return {**blocks, "labels": [list(block) for block in blocks["input_ids"]]}

    began, cpu = time.perf_counter(), cpu_seconds()
    texts = datasets.load_dataset("json", data_files=str(corpus), split="train", cache_dir=str(folder))
    tokenised = texts.map(tokenise, batched=True, num_proc=processes, remove_columns=texts.column_names)
    blocks = tokenised.map(group, batched=True, num_proc=processes)
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    tokens = sum(len(row) for batch in tokenised.iter(1000) for row in batch["input_ids"])
    documents = (row for batch in tokenised.iter(1000) for row in batch["input_ids"])
    return Prepared(seconds, cpu, tokens, tokens - len(blocks) * BLOCK, digest_of(documents) if check else "")


Side = Callable[[Path, Path, Path, int, bool], Prepared]
SIDES: dict[str, Side] = {"ours": ours, "map": mapped}


def main() -> None:
    """Run one side in a temporary folder."""
    parser = argparse.ArgumentParser(description="One side of prepare_throughput.")
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    # What the library asks of those who start processes of their own; our processes set it themselves.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    folder = Path(tempfile.mkdtemp(prefix="preparing-"))
    try:
        side = SIDES[arguments.side]
        done = side(arguments.corpus, arguments.tokenizer, folder, arguments.processes, arguments.check)
    finally:
        shutil.rmtree(folder)
    sys.stdout.flush()
    print(json.dumps(asdict(done)), flush=True)


if __name__ == "__main__":
    main()
