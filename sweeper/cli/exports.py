"""The verb `export`."""

import argparse
from pathlib import Path
from typing import Any

from sweeper.cli.experiments import log_to, read_experiment
from sweeper.cli.top import print_json


def add_options(verb: Any) -> None:
    """What `export` takes beside the experiment."""
    verb.add_argument("--trial", help="a trial's id; default: the confirming run, and all that leads to it")
    verb.add_argument("--to", type=Path, help="copy the model to this folder; default: it stays in the output folder")
    verb.add_argument("--dtype", choices=["bf16", "fp32"], help="of the weights; default: the compute precision")


def export_verb(arguments: argparse.Namespace) -> int:
    """Have a trial's model in a folder, and say what it measures."""
    from sweeper.cli.display import Display
    from sweeper.pipeline.export import export

    experiment, output = read_experiment(arguments)
    with log_to(output), Display(experiment.target, quiet=arguments.json) as display:
        found = export(
            experiment,
            output,
            display,
            trial=arguments.trial,
            to=arguments.to,
            dtype=arguments.dtype,
            address=arguments.address,
        )
    if arguments.json:
        print_json(found.to_dict())
        return 0
    print(f"trial {found.model.trial} in {found.model.dtype}: {found.folder}")
    for loss in found.model.losses:
        print(f"{loss.corpus} ({loss.split}): {loss.exported:.4f} nats as saved, {loss.trained:.4f} as trained")
    return 0
