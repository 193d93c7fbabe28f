"""Our training loop against Hugging Face's `Trainer`: tokens a second and peak memory on the same work.

    python -m benchmarks.trainer_throughput [--device cpu|cuda] [--cases NAME ...] [--repeats 3] [--threads 0]

What is measured and how to read it: `benchmarks/README.md`.
"""

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

import torch

from benchmarks.isolated import measured_alone
from benchmarks.peak_flops import bf16_peak
from benchmarks.training_sides import SIDES, Outcome, TrainingCase, make_inputs, make_spec, warm_imports
from trainers.estimate.estimate import estimate

LLAMA = {"model_type": "llama", "num_key_value_heads": 4, "tie_word_embeddings": True}
CPU_SMALL = LLAMA | {
    "vocab_size": 4096, "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 6, "num_attention_heads": 4,
    "max_position_embeddings": 512,
}  # fmt: skip
CPU_WIDE = CPU_SMALL | {"vocab_size": 49152, "num_hidden_layers": 4}
SMOLLM2_135M = LLAMA | {
    "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192,
}  # fmt: skip
LLAMA_1B = LLAMA | {
    "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
    "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 8192,
}  # fmt: skip

CASES = {
    "cpu": (
        TrainingCase("full fp32", CPU_SMALL, "full", "fp32", length=256, batch=8, micro=8, steps=10),
        TrainingCase("full bf16, accumulation 2", CPU_SMALL, "full", "bf16", length=256, batch=8, micro=4, steps=10),
        TrainingCase("full fp32, 49k vocabulary", CPU_WIDE, "full", "fp32", length=256, batch=8, micro=8, steps=5),
        TrainingCase("lora fp32", CPU_SMALL, "lora", "fp32", length=256, batch=8, micro=8, steps=10),
        TrainingCase("qlora bf16", CPU_SMALL, "qlora", "bf16", length=256, batch=8, micro=8, steps=10),
    ),
    "cuda": (
        TrainingCase("135M full bf16 2k", SMOLLM2_135M, "full", "bf16", length=2048, batch=16, micro=16, steps=30),
        TrainingCase("135M full bf16 4k", SMOLLM2_135M, "full", "bf16", length=4096, batch=8, micro=8, steps=30),
        TrainingCase("135M qlora bf16 2k", SMOLLM2_135M, "qlora", "bf16", length=2048, batch=16, micro=16, steps=30),
        TrainingCase("1B full bf16 2k", LLAMA_1B, "full", "bf16", length=2048, batch=8, micro=8, steps=20),
        TrainingCase("1B full bf16 4k", LLAMA_1B, "full", "bf16", length=4096, batch=4, micro=4, steps=20),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """One case on both sides."""

    case: str
    ratio: float
    """Tokens a second, ours / theirs: the median over repeats."""
    ratio_range: tuple[float, float]
    memory_ratio: float
    """Peak memory above the process' own before the model, ours / theirs: medians."""
    tokens_per_second: dict[str, float]
    peak_mib: dict[str, float]
    final_loss: dict[str, float]
    """Nats per token of the trained model on held-out blocks, scored by one function."""
    utilisation: dict[str, float] | None = None
    """Share of the GPU's bf16 peak that goes into the model's own operations (the formula of PaLM's MFU, nothing
    recomputed); None on a CPU, in fp32 and on a GPU whose peak is not known."""


def compare(case: TrainingCase, folder: Path, repeats: int, device: str) -> Comparison:
    """Run both sides in turn, each in a fresh child process, the order alternating."""
    outcomes: dict[str, list[Outcome]] = {side: [] for side in SIDES}
    for repeat in range(repeats):
        for side in sorted(SIDES, reverse=bool(repeat % 2)):
            outcomes[side].append(measured_alone(SIDES[side], case, folder))
            print(f"  {case.name}: {side} {outcomes[side][-1]}", flush=True)
    done = comparison(case, outcomes)
    if device != "cuda" or case.precision != "bf16":
        return done
    # In a child too: this process may not touch the GPU, or its later children cannot use it.
    token_flops, peak = measured_alone(_flops_and_peak, case, folder)
    return done if peak is None else replace(done, utilisation=utilisation(done, token_flops, peak))


def _flops_and_peak(case: TrainingCase, folder: Path) -> tuple[float, float | None]:
    flops = estimate(make_spec(case, folder), device="cuda").flops
    return flops.trained_token - flops.recomputed_token, bf16_peak(torch.cuda.get_device_name())


def utilisation(done: Comparison, token_flops: float, peak: float) -> dict[str, float]:
    """Model FLOPs utilisation of both sides, from the operations that a token takes."""
    return {side: rate * token_flops / peak for side, rate in done.tokens_per_second.items()}


def comparison(case: TrainingCase, outcomes: dict[str, list[Outcome]]) -> Comparison:
    """Ratios of paired repeats."""
    pairs = list(zip(outcomes["ours"], outcomes["trainer"], strict=True))
    ratios = [ours.tokens_per_second / theirs.tokens_per_second for ours, theirs in pairs]
    peak = {side: statistics.median(o.peak_bytes for o in outcomes[side]) for side in SIDES}
    return Comparison(
        case=case.name,
        ratio=statistics.median(ratios),
        ratio_range=(min(ratios), max(ratios)),
        memory_ratio=peak["ours"] / peak["trainer"],
        tokens_per_second={s: statistics.median(o.tokens_per_second for o in outcomes[s]) for s in SIDES},
        peak_mib={s: peak[s] / 2**20 for s in SIDES},
        final_loss={s: outcomes[s][-1].final_loss for s in SIDES},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare every case and print the worst as the last line."""
    options = _parse(arguments)
    warm_imports(options.threads, options.device)
    cases = [c for c in CASES[options.device] if not options.cases or c.name in options.cases]
    done = []
    with tempfile.TemporaryDirectory() as name:
        for case in cases:
            folder = Path(name) / case.name.replace(" ", "-")
            make_inputs(case, folder)
            done.append(compare(case, folder, options.repeats, options.device))
            print(line(done[-1]), flush=True)
    print(json.dumps(summary(done, options.device)))
    return 0


def line(done: Comparison) -> str:
    """One case in words."""
    low, high = done.ratio_range
    rates, losses = done.tokens_per_second, done.final_loss
    used = ""
    if done.utilisation is not None:
        used = f"; FLOPs utilisation {done.utilisation['ours']:.1%} against {done.utilisation['trainer']:.1%}"
    return (
        f"{done.case}: tokens/s {done.ratio:.2f} ({low:.2f} to {high:.2f}), {rates['ours']:,.0f} against "
        f"{rates['trainer']:,.0f}; peak memory {done.memory_ratio:.2f}, {done.peak_mib['ours']:,.0f} against "
        f"{done.peak_mib['trainer']:,.0f} MiB; final loss {losses['ours']:.5f} against {losses['trainer']:.5f}{used}"
    )


def summary(done: list[Comparison], device: str) -> dict[str, object]:
    """The JSON line: the worst case of each ratio."""
    return {
        "benchmark": "trainer_throughput",
        "ratio": min(c.ratio for c in done),
        "memory_ratio": max(c.memory_ratio for c in done),
        "loss_difference": max(abs(c.final_loss["ours"] - c.final_loss["trainer"]) for c in done),
        "device": device,
        "machine": platform.machine(),
        "cases": [asdict(c) for c in done],
    }


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trainer_throughput", description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=sorted(CASES), default="cpu")
    parser.add_argument("--cases", nargs="+", default=[], metavar="NAME", help="by default all of the device's")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of both sides; 0: torch's choice")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
