"""`python -m trainers SPEC.json`: run one trial alone and print its messages as JSON lines.

Under `torchrun` the trial runs on all of its workers (NCCL with GPUs, else gloo).
"""

import argparse
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from trainers.messages import CONTINUE, Failure, Message, Verdict
from trainers.spec import TrialSpec


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit status: 0, 1 after a failure, 2 where the spec is at fault."""
    parser = argparse.ArgumentParser(prog="python -m trainers", description="Run one trial and print its messages.")
    parser.add_argument("spec", type=Path, help="a trial's spec as JSON")
    path: Path = parser.parse_args(arguments).spec
    try:
        spec = TrialSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    return _run(spec)


def _run(spec: TrialSpec) -> int:
    import torch
    import torch.distributed as dist

    from trainers.loop import run_trial

    if "WORLD_SIZE" in os.environ:
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        end = run_trial(spec, _print)
        if not dist.is_initialized() or dist.get_rank() == 0:
            _print(end)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    if isinstance(end, Failure):
        print(end.reason, file=sys.stderr)
        return 2 if end.cause == "bad_spec" else 1
    return 0


def _print(message: Message) -> Verdict:
    print(message.model_dump_json(), flush=True)
    return CONTINUE


if __name__ == "__main__":
    sys.exit(main())
