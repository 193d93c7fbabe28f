"""`python -m trainers plan SPEC`: say what a trial does, holds and computes, before anything is spent."""

import argparse
import json
from pathlib import Path
from typing import Any

from trainers.estimate.estimated import Estimate
from trainers.estimate.wording import estimate_lines
from trainers.evaluation.evaluation_size import evaluation_size
from trainers.spec import TrialSpec
from trainers.spec_file import load_spec
from trainers.steps.out_of_memory import half_micro_batch
from trainers.timetable import Timetable
from trainers.verbs.whole_numbers import at_least


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "spec",
        type=Path,
        help="a trial's spec as JSON or YAML; relative paths in it are relative to the working directory",
    )
    parser.add_argument("--workers", type=at_least(1), default=1, metavar="N", help="who share the trial; default: 1")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="where it will run; default: what this machine has")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")


def run(arguments: argparse.Namespace) -> int:
    """Print the trial's timetable, memory and floating-point operations; returns 0.

    Raises:
        TrainerError: the file is not a spec, the trial cannot be run as it says, or its model cannot be gone through
            without numbers.
    """
    spec = load_spec(arguments.spec)
    table = Timetable.of(spec)
    device = arguments.device or _device()
    estimates = _estimates(spec, arguments.workers, device)
    if arguments.json:
        print(json.dumps(_as_dict(spec, table, estimates, device), indent=1))
        return 0
    scored = evaluation_size(spec, table).scored_tokens
    print(f"trial {spec.id}: {spec.method} training of {spec.model.name} at {spec.learning_rate:g}")
    print(
        f"steps: {table.n_steps:,} of {table.tokens_per_step:,} tokens, {table.tokens(table.n_steps):,} tokens in all"
    )
    print(
        f"evaluations: after steps {', '.join(map(str, table.evaluations))}, of {len(spec.corpora)} corpora; at most "
        f"{scored:,} tokens in all"
    )
    print(*estimate_lines(estimates, device), sep="\n")
    return 0


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _estimates(spec: TrialSpec, workers: int, device: str) -> list[Estimate]:
    """The trial as it stands, and with `auto_batch` every smaller micro-batch that it may fall back to."""
    from trainers.estimate.estimate import estimate

    estimates = [estimate(spec, workers, device)]
    smaller = half_micro_batch(spec, workers) if spec.auto_batch else None
    while smaller is not None:
        estimates.append(estimate(smaller, workers, device))
        smaller = half_micro_batch(smaller, workers)
    return estimates


def _as_dict(spec: TrialSpec, table: Timetable, estimates: list[Estimate], device: str) -> dict[str, Any]:
    return {
        "trial": spec.id,
        "model": spec.model.name,
        "method": spec.method,
        "device": device,
        "steps": table.n_steps,
        "tokens": table.tokens(table.n_steps),
        "evaluations": table.evaluations,
        "scored_tokens": evaluation_size(spec, table).scored_tokens,
        **estimates[0].as_dict(),
        "peak_by_micro_batch": {e.micro_batch: e.peak for e in estimates},
    }
