"""Predicted peak memory (`python -m trainers plan`) against that of real trials.

    python -m benchmarks.memory_plan [--device cpu|cuda] [--cases NAME ...] [--no-default]

What is measured and how to read it: `benchmarks/README.md`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks.trainer_throughput import CPU_SMALL, CPU_WIDE, SMOLLM2_135M
from benchmarks.training_sides import TrainingCase, make_inputs, make_spec
from trainers.estimate.estimate import estimate
from trainers.spec import TrialSpec

LONG = {"max_position_embeddings": 4096}
SMALL, WIDE, LARGE = CPU_SMALL | LONG, CPU_WIDE | LONG, SMOLLM2_135M | LONG
MEDIUM = SMALL | {
    "vocab_size": 8192, "hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 8,
}  # fmt: skip
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
"""What makes glibc give freed memory back at once; its heap otherwise keeps gaps between what is still used."""
STEPS = 2
"""The second has the optimiser's state from its start."""


@dataclass(frozen=True)
class MemoryCase:
    """One trial to predict and to measure."""

    name: str
    config: dict[str, Any]
    method: str
    precision: str
    length: int = 256
    micro: int = 4
    options: dict[str, Any] = field(default_factory=dict)
    """Of its spec."""


RECOMPUTE = {"activation_checkpointing": True}
MASKED = {"document_mask": True}
MEASURED_ONLY = {"max_tokens": 0, "mixture": {}, "evaluation_tokens": 2048}
CASES = {
    "cpu": (
        MemoryCase("full fp32", MEDIUM, "full", "fp32"),
        MemoryCase("full bf16", MEDIUM, "full", "bf16"),
        MemoryCase("lora fp32", MEDIUM, "lora", "fp32"),
        MemoryCase("lora bf16", MEDIUM, "lora", "bf16"),
        MemoryCase("qlora fp32", MEDIUM, "qlora", "fp32"),
        MemoryCase("qlora bf16", MEDIUM, "qlora", "bf16"),
        MemoryCase("full fp32, layers recomputed", MEDIUM, "full", "fp32", micro=8, options=RECOMPUTE),
        MemoryCase("lora bf16, layers recomputed", MEDIUM, "lora", "bf16", micro=8, options=RECOMPUTE),
        MemoryCase("qlora bf16, layers recomputed", MEDIUM, "qlora", "bf16", micro=8, options=RECOMPUTE),
        MemoryCase("full bf16, documents apart", MEDIUM, "full", "bf16", options=MASKED),
        MemoryCase("qlora bf16, documents apart", MEDIUM, "qlora", "bf16", options=MASKED),
        MemoryCase("full fp32, small", SMALL, "full", "fp32", micro=8),
        MemoryCase("qlora bf16, small", SMALL, "qlora", "bf16", micro=8),
        MemoryCase("full fp32, 49k vocabulary", WIDE, "full", "fp32", micro=8),
        MemoryCase("qlora bf16, 49k vocabulary", WIDE, "qlora", "bf16", micro=8),
        MemoryCase("full bf16, measured only", WIDE, "full", "bf16", micro=8, options=MEASURED_ONLY),
    ),
    "cuda": tuple(
        MemoryCase(f"{method} bf16{name}", LARGE, method, "bf16", 1024, micro=8, options=options)
        for method in ("full", "lora", "qlora")
        for name, options in (("", {}), (", layers recomputed", RECOMPUTE), (", documents apart", MASKED))
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One case: MiB above the process' own."""

    case: str
    predicted: float
    measured: float
    error: float
    """predicted / measured - 1."""
    default_allocator: float | None
    """The same trial where glibc is left as it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Predict and measure every case; the last line has the worst error."""
    options = _parse(arguments)
    done = []
    with tempfile.TemporaryDirectory() as name:
        for case in CASES[options.device]:
            if not options.cases or case.name in options.cases:
                done.append(compare(case, Path(name) / case.name.replace(" ", "-"), options))
                print(line(done[-1]), flush=True)
    print(json.dumps(summary(done, options.device)))
    return 0


def compare(case: MemoryCase, folder: Path, options: argparse.Namespace) -> Outcome:
    """One case."""
    spec, warm = trial(case, folder), trial(tiny(case), folder.with_name(f"{folder.name}-tiny"))
    predicted = estimate(spec, device=options.device).peak
    measured = peak_of(spec, warm, options.device, GIVES_BACK)
    default = None
    if options.device == "cpu" and not options.no_default:
        default = peak_of(spec, warm, options.device, {}) / 2**20
    return Outcome(case.name, predicted / 2**20, measured / 2**20, predicted / measured - 1, default)


def trial(case: MemoryCase, folder: Path) -> TrialSpec:
    """The spec of a case, its checkpoint and corpus written."""
    method: Any = case.method
    precision: Any = case.precision
    work = TrainingCase(case.name, case.config, method, precision, case.length, case.micro, case.micro, STEPS)
    make_inputs(work, folder)
    return TrialSpec.model_validate(make_spec(work, folder).model_dump() | case.options)


def tiny(case: MemoryCase) -> MemoryCase:
    """A trial that runs the same code and holds next to nothing."""
    small = {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1}
    return MemoryCase("tiny", case.config | small | heads, case.method, case.precision, 32, 1, case.options)


def peak_of(spec: TrialSpec, warm: TrialSpec, device: str, environment: dict[str, str]) -> int:
    """Bytes that a trial takes at most above what its process had, in a process of its own that has run another."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    if device == "cpu":
        inherited |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.measured_trial", device],
        input=json.dumps([warm.model_dump(mode="json"), spec.model_dump(mode="json")]),
        capture_output=True,
        text=True,
        env=inherited | environment,
        cwd=Path(__file__).resolve().parents[1],
    )
    if child.returncode:
        raise RuntimeError(f"a trial failed:\n{child.stderr}")
    return int(child.stdout.split()[-1])


def line(done: Outcome) -> str:
    """One case in words."""
    default = ""
    if done.default_allocator is not None:
        more = done.default_allocator / done.measured
        default = f"; default allocator {done.default_allocator:,.0f} MiB ({more:.2f} times as much)"
    return (
        f"{done.case}: predicted {done.predicted:,.0f} MiB, measured {done.measured:,.0f} ({done.error:+.1%}){default}"
    )


def summary(done: list[Outcome], device: str) -> dict[str, object]:
    """The JSON line."""
    defaults = [c.default_allocator / c.predicted for c in done if c.default_allocator is not None]
    return {
        "benchmark": "memory_plan",
        "worst_error": max(abs(c.error) for c in done),
        "default_allocator": max(defaults) if defaults else None,
        "device": device,
        "machine": platform.machine(),
        "cases": [asdict(c) for c in done],
    }


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_plan", description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=sorted(CASES), default="cpu")
    parser.add_argument("--cases", nargs="+", default=[], metavar="NAME", help="by default all of the device's")
    parser.add_argument("--no-default", action="store_true", help="leave out the runs under the default allocator")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
