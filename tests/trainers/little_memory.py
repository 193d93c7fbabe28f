"""Runs a trial with all memory, then with little more than the process holds already; prints both ends as JSON.

Usage: python -m tests.trainers.little_memory SPEC
"""

import json
import logging
import resource
import sys
from pathlib import Path

import torch

from tests.trainers.tiny import run
from trainers.spec import TrialSpec

ROOM = 120 * 2**20
"""More than the process holds: the model and its optimiser, and the activations of a part of the batch."""


def _held() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


def _report(spec: TrialSpec) -> None:
    end, driver = run(spec)
    losses = [loss for _, row in driver.curve() for loss in row]
    print(json.dumps({"end": end.model_dump(mode="json"), "losses": losses}), flush=True)


def main(path: Path) -> None:
    """Run both."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    torch.set_num_threads(1)
    spec = TrialSpec.model_validate_json(path.read_text(encoding="utf-8"))
    _report(spec)
    limit = _held() + ROOM
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    _report(spec)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
