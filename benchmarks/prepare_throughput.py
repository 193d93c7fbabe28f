"""Our tokenising and packing against `datasets.map` over a tokeniser and over a grouping into blocks.

    python -m benchmarks.prepare_throughput [--corpus FILE.jsonl] [--repeats 3] [--processes 2] [--scales 1 4 16]

What is measured and how to read it: `benchmarks/README.md`.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks.preparing import SIDES, Prepared
from benchmarks.process_memory import PeakMemory
from sweeper.bases.builtin_tokenizer import train_tokenizer
from sweeper.bases.ladder import END_OF_TEXT
from sweeper.corpora.documents import Document
from sweeper.corpora.opening import read

VOCABULARY = 32_000
"""Of the larger tokeniser."""


def texts_of(corpus: str | None) -> list[str]:
    """Each document once: copies of a held-out document are dropped by one side only."""
    sources = ("builtin:docs", "builtin:code") if corpus is None else (corpus,)
    found = (item.text for item in read(sources, "source", "text", None) if isinstance(item, Document))
    return list({text.strip(): text for text in found}.values())


def write_corpus(texts: Sequence[str], times: int, path: Path) -> None:
    """The documents, again and again with a number of the round before each: no document is there twice."""
    with path.open("w", encoding="utf-8") as out:
        for i in range(times):
            for text in texts:
                out.write(json.dumps({"text": f"Part {i}. {text}" if i else text}) + "\n")


def train_large(texts: Sequence[str], folder: Path) -> None:
    """A byte-level BPE of the kind of SmolLM: digits one by one, 32,000 tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END_OF_TEXT], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": END_OF_TEXT}), encoding="utf-8")


def run_side(side: str, corpus: Path, tokenizer: Path, processes: int, check: bool) -> tuple[Prepared, int]:
    """One side in a process of its own; with `check` its tokens are hashed, without its memory is watched."""
    command = [sys.executable, "-m", "benchmarks.preparing", side, str(corpus), str(tokenizer)]
    command += ["--processes", str(processes), *(["--check"] if check else [])]
    root = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=environment, text=True) as process:
        watched: AbstractContextManager[PeakMemory | None] = nullcontext() if check else PeakMemory(process.pid)
        with watched as memory:
            said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{side} ended with status {process.returncode}")
    return Prepared(**json.loads(said.splitlines()[-1])), memory.peak if memory else 0


def compare(name: str, corpus: Path, tokenizer: Path, repeats: int, processes: int) -> dict[str, Any]:
    """Tokens per second of both sides, in turns."""
    runs: dict[str, list[Prepared]] = {side: [] for side in SIDES}
    for repeat in range(repeats):
        for side in list(SIDES) if repeat % 2 == 0 else reversed(list(SIDES)):
            done, _ = run_side(side, corpus, tokenizer, processes, check=True)
            runs[side].append(done)
            print(f"{name}, {side}: {done.tokens / done.seconds:,.0f} tokens/s", flush=True)
    return {"tokenizer": name, **ratios(runs["ours"], runs["map"])}


def ratios(ours: Sequence[Prepared], theirs: Sequence[Prepared]) -> dict[str, Any]:
    """How many times faster ours is, over pairs of runs that followed each other.

    Raises:
        RuntimeError: the sides did not make the same tokens.
    """
    if len({(run.tokens, run.digest) for run in (*ours, *theirs)}) > 1:
        raise RuntimeError(f"the two sides made different tokens: {ours[0]} and {theirs[0]}")
    pairs = list(zip(ours, theirs, strict=True))
    each = [right.seconds / left.seconds for left, right in pairs]
    return {
        "ratio": round(statistics.median(each), 2),
        "ratio_range": [round(min(each), 2), round(max(each), 2)],
        "cpu_ratio": round(statistics.median(right.cpu_seconds / left.cpu_seconds for left, right in pairs), 2),
        "tokens": ours[0].tokens,
        "left_out": theirs[0].left_out,
        "seconds": {"ours": [round(r.seconds, 2) for r in ours], "map": [round(r.seconds, 2) for r in theirs]},
        "cpu_seconds": {
            "ours": [round(r.cpu_seconds, 2) for r in ours],
            "map": [round(r.cpu_seconds, 2) for r in theirs],
        },
    }


def memory(
    texts: Sequence[str], tokenizer: Path, scales: Sequence[int], processes: int, folder: Path
) -> dict[str, Any]:
    """Peak PSS of both sides, in MB, on the corpus repeated; growth is the largest over the smallest corpus."""
    peaks: dict[str, dict[int, float]] = {side: {} for side in SIDES}
    for scale in scales:
        corpus = folder / f"times-{scale}.jsonl"
        write_corpus(texts, scale, corpus)
        for side in SIDES:
            _, peak = run_side(side, corpus, tokenizer, processes, check=False)
            peaks[side][scale] = round(peak / 1e6, 1)
            print(f"{scale} times the corpus, {side}: at most {peak / 1e6:,.0f} MB", flush=True)
        corpus.unlink()
    first, last = min(scales), max(scales)
    growth = {side: round(found[last] / found[first], 2) for side, found in peaks.items()}
    return {
        "memory_growth": growth["ours"],
        "memory_growth_map": growth["map"],
        "memory_ratio": round(peaks["ours"][last] / peaks["map"][last], 2),
        "peak_mb": {side: {str(scale): mb for scale, mb in found.items()} for side, found in peaks.items()},
    }


def machine() -> dict[str, Any]:
    """Where it ran."""
    import datasets
    import tokenizers

    versions = {"datasets": datasets.__version__, "tokenizers": tokenizers.__version__}
    return {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version(), **versions}


def main() -> None:
    """Measure speed with both tokenisers, memory with the larger; the last line is JSON."""
    parser = argparse.ArgumentParser(description="Our prepare against datasets.map.")
    parser.add_argument("--corpus", help="a file, folder or glob of text; default: builtin:docs and builtin:code")
    parser.add_argument("--repeats", type=int, default=3, help="how often each side runs; they take turns")
    parser.add_argument("--processes", type=int, default=2, help="processes of each side")
    parser.add_argument("--scales", type=int, nargs="*", default=[1, 4, 16], help="sizes for memory; none skips it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prepare-throughput-") as name:
        folder = Path(name)
        texts = texts_of(arguments.corpus)
        corpus = folder / "corpus.jsonl"
        write_corpus(texts, 1, corpus)
        train_tokenizer(iter(texts), folder / "builtin")
        train_large(texts, folder / "large")
        cases = [
            compare(tokenizer, corpus, folder / tokenizer, arguments.repeats, arguments.processes)
            for tokenizer in ("builtin", "large")
        ]
        size = {"documents": len(texts), "megabytes": round(corpus.stat().st_size / 1e6, 1)}
        grown = (
            memory(texts, folder / "large", arguments.scales, arguments.processes, folder) if arguments.scales else {}
        )
    worst = min(cases, key=lambda case: float(case["ratio"]))
    head = {"benchmark": "prepare_throughput", "ratio": worst["ratio"], "cpu_ratio": worst["cpu_ratio"]}
    rest = {"processes": arguments.processes, "corpus": arguments.corpus or "builtin", **size, "cases": cases}
    print(json.dumps({**head, **grown, **rest, "machine": machine()}))


if __name__ == "__main__":
    main()
