"""Runs cases on a gloo group of two processes; each rank writes what it saw as JSON.

Usage: python -m tests.trainers.two_workers RANK FOLDER, with FOLDER/cases.json =
{name: {"spec", "verdicts", "bucket", "break", "unreadable"}}; the last two name a rank.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from tests.trainers.tiny import run
from trainers.model.models import Model
from trainers.spec import TrialSpec
from trainers.steps import gradients, stepper
from trainers.steps.buckets import BUCKET, Buckets
from trainers.tokens import batches
from trainers.tokens.windows import Windows

_TOTAL_NLL, _READ, _STEP = Model.total_nll, vars(batches)["read_windows"], stepper.Stepper.step
_HELD: list[int] = []


def _explode(self: Model, windows: Windows) -> torch.Tensor:
    raise torch.OutOfMemoryError("only here")


def _narrow(self: Model, windows: Windows) -> torch.Tensor:
    return _TOTAL_NLL(self, windows) if len(windows.tokens) == 1 else _explode(self, windows)


def _unreadable(*_: Any) -> Windows:
    raise OSError("the disk is gone")


def _weighing_step(self: stepper.Stepper, step: int, verdict: int) -> None:
    """A step that notes the bytes of weights, gradients and optimiser states that this rank holds after it."""
    _STEP(self, step, verdict)
    parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
    held = [*parameters, *(p.grad for p in parameters)]
    held += [value for p in parameters for value in self.optimizer.state[p].values() if value.ndim]
    _HELD[:] = [sum((t.to_local() if hasattr(t, "to_local") else t).nbytes for t in held)]


def _case(rank: int, case: dict[str, Any]) -> dict[str, Any]:
    broken = {case.get("break"): _explode, case.get("narrow"): _narrow}
    Model.total_nll = broken.get(rank, _TOTAL_NLL)  # type: ignore[method-assign]
    vars(batches)["read_windows"] = _unreadable if case.get("unreadable") == rank else _READ
    vars(gradients)["Buckets"] = partial(Buckets, size=case.get("bucket", BUCKET))
    _HELD.clear()
    spec = TrialSpec.model_validate(case["spec"])
    end, driver = run(spec, {int(tokens): action for tokens, action in case.get("verdicts", {}).items()})
    messages = len(driver.messages)
    return {"end": end.model_dump(mode="json"), "curve": driver.curve(), "messages": messages, "held": sum(_HELD)}


def main(rank: int, folder: Path) -> None:
    """Run every case in order."""
    torch.set_num_threads(1)
    stepper.Stepper.step = _weighing_step  # type: ignore[method-assign]
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=2)
    cases = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    results = {name: _case(rank, case) for name, case in cases.items()}
    (folder / f"rank{rank}.json").write_text(json.dumps(results), encoding="utf-8")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
