"""What two workers run in one start of their two processes (`two_workers`), and what one worker runs before them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.trainers.tiny import LENGTH, run
from trainers.spec import TrialSpec

STEP = 4 * LENGTH
Make = Callable[..., TrialSpec]
Results = dict[str, list[dict[str, Any]]]
"""By case, what rank 0 and rank 1 saw."""
QLORA: dict[str, Any] = {"method": "qlora", "learning_rate": 2e-2}
FIFTY: dict[str, Any] = {
    "global_batch_size": 8,
    "max_tokens": 50 * 8 * LENGTH,
    "evaluate_at": [n * 8 * LENGTH for n in range(10, 50, 10)],
    "evaluation_share": None,
}
"""50 steps of 8 blocks, measured every tenth step."""


def worker_specs(make: Make, folder: Path) -> dict[str, TrialSpec]:
    """Every case's spec; those of the same checkpoint folder are parts of one trial."""
    return replicated(make, folder) | sharded(make, folder) | moved(make, folder)


def replicated(make: Make, folder: Path) -> dict[str, TrialSpec]:
    """Cases in which each worker holds the whole model."""
    checkpoints = str(folder / "ddp")
    return {
        "even": make(),
        "accumulating": make(micro_batch_size=1),
        "uneven": make(global_batch_size=5, micro_batch_size=2, evaluate_at=()),
        "fewer blocks than workers": make(global_batch_size=1, evaluate_at=()),
        "qlora": make(**QLORA),
        "fifty steps, full": make(**FIFTY, micro_batch_size=4),
        "fifty steps, qlora": make(**QLORA, **FIFTY, micro_batch_size=4),
        "recomputing": make(activation_checkpointing=True),
        "stop": make(rungs=(4 * STEP,)),
        "pause": make(checkpoint_path=checkpoints),
        "resume": make(checkpoint_path=checkpoints),
        "breaks on the second": make(),
        "auto batch": make(global_batch_size=8, auto_batch=True),
        "in pieces": make(micro_batch_size=1),
        "in pieces, fewer blocks than workers": make(global_batch_size=1, evaluate_at=()),
        "in pieces, breaks on the second": make(),
        "diverges": make(learning_rate=300.0, max_tokens=60 * STEP, evaluate_at=(), schedule={}),
        "bad spec": make(max_seq_length=65),
        "after all of that": make(),
    }


def sharded(make: Make, folder: Path) -> dict[str, TrialSpec]:
    """Cases in which each worker holds a part of the model."""
    parts: dict[str, Any] = {"parallel": "fsdp"}
    checkpoints = str(folder / "fsdp")
    return {
        "sharded uneven": make(**parts, global_batch_size=5, micro_batch_size=2, document_mask=True),
        "sharded, fewer blocks than workers": make(**parts, global_batch_size=1),
        "sharded lora": make(**parts, method="lora", learning_rate=2e-2),
        "sharded, fifty steps, full": make(**parts, **FIFTY, micro_batch_size=2),
        "sharded, fifty steps, qlora": make(**parts, **QLORA, **FIFTY, micro_batch_size=2),
        "sharded, recomputing": make(**parts, activation_checkpointing=True),
        "sharded bf16": make(**parts, precision="bf16"),
        "sharded bf16 qlora": make(**parts, **QLORA, precision="bf16"),
        "sharded export": make(**parts, export_path=str(folder / "exported")),
        "sharded pause": make(**parts, checkpoint_path=checkpoints),
        "sharded resume": make(**parts, checkpoint_path=checkpoints),
        "sharded, unreadable on the second": make(**parts),
        "sharded diverges": make(**parts, learning_rate=300.0, max_tokens=60 * STEP, evaluate_at=(), schedule={}),
        "after all of that, sharded": make(**parts),
    }


def moved(make: Make, folder: Path) -> dict[str, TrialSpec]:
    """Cases that one worker began (`BEGUN`) or will end."""
    ways = {
        "from one": {},
        "sharded from one": {"parallel": "fsdp"},
        "sharded qlora to one": QLORA | {"parallel": "fsdp"},
    }
    return {name: make(**way, checkpoint_path=str(folder / name)) for name, way in ways.items()}


BEGUN = ("from one", "sharded from one")
PAUSES = {
    "pause": 8, "sharded pause": 4, "from one": 8, "sharded from one": 8, "sharded qlora to one": 8
}  # fmt: skip
"""By case, the step after which the two workers are told to pause."""


def run_cases(specs: dict[str, TrialSpec], folder: Path) -> Results:
    """Run what one worker begins, then all cases on one group of two processes."""
    for name in BEGUN:
        run(specs[name].model_copy(update={"parallel": "ddp"}), {4 * STEP: "pause"})
    cases: dict[str, dict[str, Any]] = {name: {"spec": spec.model_dump(mode="json")} for name, spec in specs.items()}
    for name, step in PAUSES.items():
        cases[name]["verdicts"] = {step * STEP: "pause"}
    for name in ("in pieces", "in pieces, fewer blocks than workers", "in pieces, breaks on the second"):
        cases[name]["bucket"] = 2000
    cases["in pieces, breaks on the second"]["break"] = 1
    cases["stop"]["verdicts"] = {4 * STEP: "stop"}
    cases["breaks on the second"]["break"] = 1
    cases["auto batch"]["narrow"] = 1
    cases["sharded, unreadable on the second"]["unreadable"] = 1
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    command = [sys.executable, "-m", "tests.trainers.two_workers"]
    workers = [subprocess.Popen([*command, str(rank), str(folder)]) for rank in range(2)]
    try:
        assert [worker.wait(timeout=300) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
    ranks = [json.loads((folder / f"rank{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]
    return {name: [rank[name] for rank in ranks] for name in cases}
