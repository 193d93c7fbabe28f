"""`python -m trainers train SPEC`: run one trial and print its messages as JSON lines."""

import argparse
import sys
from pathlib import Path

from trainers.messages import CONTINUE, Failure, Message, Verdict
from trainers.spec import TrialSpec
from trainers.spec_file import load_spec
from trainers.verbs.interruption import interruption


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "spec",
        type=Path,
        help="a trial's spec as JSON or YAML; relative paths in it are relative to the working directory",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train; returns 0, 1 after a failure, 2 where the spec is at fault, 130 after Ctrl-C and 143 after SIGTERM.

    Raises:
        TrainerError: the file is not a spec.
    """
    return train(load_spec(arguments.spec))


def train(spec: TrialSpec) -> int:
    """Train one trial and print its messages; returns as `run` does."""
    from trainers.loop import run_trial
    from trainers.workers.launched import launched_workers

    with launched_workers() as ranks, interruption(_hint(spec) if ranks.first else "") as noted:
        end = run_trial(spec, lambda message: _print(message, pause=noted.number > 0))
        if ranks.first:
            _print(end, pause=False)
    if isinstance(end, Failure):
        if ranks.first:
            print(end.reason, file=sys.stderr)
        return 2 if end.cause == "bad_spec" else 1
    return noted.status if end.state == "paused" else 0


def _hint(spec: TrialSpec) -> str:
    if spec.checkpoint_path is None:
        return (
            "stopping after this step; without a checkpoint_path the trial will begin again (once more: stop at once)"
        )
    return "stopping after this step; the same command goes on from there (once more: stop at once)"


def _print(message: Message, pause: bool) -> Verdict:
    print(message.model_dump_json(), flush=True)
    return Verdict(action="pause", reason="interrupted") if pause else CONTINUE
