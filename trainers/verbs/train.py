"""`python -m trainers train SPEC`: run one trial and print its messages as JSON lines."""

import argparse
import sys
from pathlib import Path

from trainers.messages import CONTINUE, Failure, Message, Verdict
from trainers.spec import TrialSpec
from trainers.spec_file import load_spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "spec",
        type=Path,
        help="a trial's spec as JSON or YAML; relative paths in it are relative to the working directory",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train; returns 0, 1 after a failure, 2 where the spec is at fault.

    Raises:
        TrainerError: the file is not a spec.
    """
    return train(load_spec(arguments.spec))


def train(spec: TrialSpec) -> int:
    """Train one trial and print its messages; returns as `run` does."""
    from trainers.loop import run_trial
    from trainers.workers.launched import launched_workers

    with launched_workers() as ranks:
        end = run_trial(spec, _print)
        if ranks.first:
            _print(end)
    if isinstance(end, Failure):
        if ranks.first:
            print(end.reason, file=sys.stderr)
        return 2 if end.cause == "bad_spec" else 1
    return 0


def _print(message: Message) -> Verdict:
    print(message.model_dump_json(), flush=True)
    return CONTINUE
