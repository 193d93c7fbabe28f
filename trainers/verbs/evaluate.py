"""`python -m trainers evaluate MODEL CORPUS ...`: measure a model's loss, perplexity and bits per byte."""

import argparse

from trainers.errors import TrainerError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("model", help="a folder that `transformers` loads, a hub name, or a PEFT adapter's folder")
    parser.add_argument("corpora", nargs="+", metavar="CORPUS", help="a packed corpus' folder, or a file of documents")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    raise TrainerError(f"evaluate: {arguments.model} cannot be measured yet")
