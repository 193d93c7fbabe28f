"""What options of a trial cost: tokens a second and peak memory with each of them against without.

    python -m benchmarks.option_costs [--device cpu|cuda] [--repeats 3] [--threads 0]

What is measured and how to read it: `benchmarks/README.md`.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

import numpy as np

from benchmarks.isolated import measured_alone
from benchmarks.trainer_throughput import CPU_SMALL, SMOLLM2_135M
from benchmarks.training_sides import Outcome, TrainingCase, make_inputs, ours, warm_imports
from trainers.tokens.packed import PackedCorpus, write_split

OPTIONS: dict[str, dict[str, Any]] = {
    "document_mask": {"document_mask": True},
    "activation_checkpointing": {"activation_checkpointing": True},
    "torch_compile": {"torch_compile": True},
}
ON = {
    "cpu": ("document_mask", "activation_checkpointing"),
    "cuda": ("document_mask", "activation_checkpointing", "torch_compile"),
}
"""On a CPU compiling takes longer than these trials."""
CASES = {
    "cpu": (
        TrainingCase("256 tokens", CPU_SMALL, "full", "fp32", length=256, batch=8, micro=8, steps=8),
        TrainingCase("512 tokens", CPU_SMALL, "full", "fp32", length=512, batch=4, micro=4, steps=8),
    ),
    "cuda": (TrainingCase("2k tokens", SMOLLM2_135M, "full", "bf16", length=2048, batch=16, micro=16, steps=60),),
}
DOCUMENTS = (32, 1024)
"""Shortest and longest, log-uniform: several documents share most blocks."""


@dataclass(frozen=True)
class Cost:
    """One option in one case."""

    case: str
    option: str
    ratio: float
    """Tokens a second, with / without: the median over repeats."""
    ratio_range: tuple[float, float]
    memory_ratio: float
    """Peak memory above the process' own before the model, with / without: medians."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every option of every case."""
    options = _parse(arguments)
    warm_imports(options.threads, options.device)
    costs = []
    with tempfile.TemporaryDirectory() as name:
        for case in CASES[options.device]:
            folder = Path(name) / case.name.replace(" ", "-")
            make_inputs(case, folder)
            _write_documents(case, folder)
            costs += measure(case, folder, ON[options.device], options.repeats)
    head = {"benchmark": "option_costs", "device": options.device, "machine": platform.machine()}
    print(json.dumps(head | {"costs": [asdict(cost) for cost in costs]}))
    return 0


def measure(case: TrainingCase, folder: Path, names: Sequence[str], repeats: int) -> list[Cost]:
    """Run without and with each option in turn, each in a fresh child process."""
    without: list[Outcome] = []
    with_: dict[str, list[Outcome]] = {name: [] for name in names}
    for _ in range(repeats):
        without.append(measured_alone(ours, case, folder))
        for name in names:
            with_[name].append(measured_alone(ours, case, folder, OPTIONS[name]))
    costs = [_cost(case.name, name, with_[name], without) for name in names]
    for cost in costs:
        low, high = cost.ratio_range
        print(
            f"{cost.case}, {cost.option}: tokens/s {cost.ratio:.2f} ({low:.2f} to {high:.2f}), "
            f"peak memory {cost.memory_ratio:.2f}",
            flush=True,
        )
    return costs


def _cost(case: str, option: str, with_: Sequence[Outcome], without: Sequence[Outcome]) -> Cost:
    ratios = [a.tokens_per_second / b.tokens_per_second for a, b in zip(with_, without, strict=True)]
    peaks = [statistics.median(o.peak_bytes for o in side) for side in (with_, without)]
    return Cost(case, option, statistics.median(ratios), (min(ratios), max(ratios)), peaks[0] / peaks[1])


def _write_documents(case: TrainingCase, folder: Path) -> None:
    """Cut the training text, which is one document, into many."""
    tokens = np.array(PackedCorpus(folder / "corpus")["train"].tokens)
    rng = np.random.default_rng(0)
    documents, start = [], 0
    while start < len(tokens):
        length = int(np.exp(rng.uniform(*np.log(DOCUMENTS))))
        documents.append((tokens[start : start + length], 4 * length))
        start += length
    write_split(folder / "corpus", "train", documents, tokens.dtype.type)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.option_costs", description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=sorted(CASES), default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: torch's choice")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
