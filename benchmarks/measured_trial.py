"""A process for `memory_plan`: runs a tiny trial, then the one that is measured, and prints what that took at most.

The tiny trial loads what any trial of its kind loads; what the process holds after it is its own.
"""

import gc
import json
import sys

import torch

from trainers.loop import run_trial
from trainers.messages import CONTINUE, Failure
from trainers.spec import TrialSpec
from trainers.workers import memory


def main() -> None:
    """Two specs as a JSON list come in on standard input; bytes go out."""
    warm, measured = (TrialSpec.model_validate(spec) for spec in json.load(sys.stdin))
    device = torch.device(sys.argv[1])
    _run(warm)
    gc.collect()
    # Running trials begin a new peak themselves, so what there is now is taken before.
    memory.reset_peak(device)
    before = memory.peak_bytes(device)
    _run(measured)
    print(memory.peak_bytes(device) - before)


def _run(spec: TrialSpec) -> None:
    end = run_trial(spec, lambda message: CONTINUE)
    if isinstance(end, Failure):
        raise RuntimeError(end.reason)


if __name__ == "__main__":
    main()
