"""`python -m trainers branch TRUNK`: decay from the kept states of a trunk and print the messages as JSON lines."""

import argparse
import logging
from pathlib import Path

from trainers.spec_file import load_spec
from trainers.state.trunk import branch
from trainers.verbs.amounts import tokens
from trainers.verbs.train import train

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("trunk", type=Path, help="the trunk's spec as JSON or YAML, trained before, with branch_path")
    parser.add_argument(
        "--at", type=_several, required=True, metavar="TOKENS,...", help="where to branch off, such as 100k,200k"
    )
    parser.add_argument("--decay-tokens", type=tokens, required=True, metavar="TOKENS", help="length of each decay")


def run(arguments: argparse.Namespace) -> int:
    """Train the branches, one after another; returns 0, or the status of the first that failed.

    Raises:
        TrainerError: the file is no spec, or its trunk is not constant where a branch should begin.
    """
    trunk = load_spec(arguments.trunk)
    branches = [branch(trunk, at, arguments.decay_tokens) for at in arguments.at]

    from trainers.workers.launched import launched_workers

    with launched_workers():  # one group for all of them
        for at, spec in zip(arguments.at, branches, strict=True):
            log.info("trial %s branches off at %s tokens", spec.id, f"{at:,}")
            status = train(spec)
            if status:
                return status
    return 0


def _several(text: str) -> list[int]:
    return [tokens(part) for part in text.split(",")]
