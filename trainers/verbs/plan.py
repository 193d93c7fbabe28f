"""`python -m trainers plan SPEC`: say what a trial will do, before anything is spent."""

import argparse
from pathlib import Path

from trainers.spec_file import load_spec
from trainers.timetable import Timetable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "spec",
        type=Path,
        help="a trial's spec as JSON or YAML; relative paths in it are relative to the working directory",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the trial's timetable; returns 0.

    Raises:
        TrainerError: the file is not a spec, or its evaluations lie behind its end.
    """
    spec = load_spec(arguments.spec)
    table = Timetable.of(spec)
    print(f"trial {spec.id}: {spec.method} training of {spec.model.name} at {spec.learning_rate:g}")
    print(
        f"steps: {table.n_steps:,} of {table.tokens_per_step:,} tokens, {table.tokens(table.n_steps):,} tokens in all"
    )
    print(f"evaluations: after steps {', '.join(map(str, table.evaluations))}, of {len(spec.corpora)} corpora")
    return 0
