"""`python -m trainers`: trials without the sweeper and without Ray.

    python -m trainers SPEC             train one trial; the same as `python -m trainers train SPEC`
    python -m trainers branch TRUNK --at TOKENS,... --decay-tokens TOKENS
    python -m trainers evaluate MODEL CORPUS ...
    python -m trainers plan SPEC

Under `torchrun --nproc-per-node N -m trainers ...` a trial and an evaluation run on all N workers.
"""

import argparse
import logging
import os
import sys
from types import ModuleType

from trainers.errors import TrainerError
from trainers.verbs import branch, evaluate, plan, train

VERBS: dict[str, ModuleType] = {"train": train, "branch": branch, "evaluate": evaluate, "plan": plan}


def main(arguments: list[str] | None = None) -> int:
    """Run a verb; returns the exit status: 0, 1 after a failure, 2 where what was asked for is at fault."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] not in VERBS and not words[0].startswith("-"):
        words = ["train", *words]
    parsed = _parser().parse_args(words)
    try:
        return int(VERBS[parsed.verb].run(parsed))
    except TrainerError as error:
        if os.environ.get("RANK", "0") == "0":
            print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainers",
        description="Train one trial, evaluate a model, or say what a trial will cost. A file alone is trained.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        text = (verb.__doc__ or "").splitlines()[0].partition(": ")[2]
        verb.add_arguments(verbs.add_parser(name, help=text, description=text))
    return parser


def _script() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("trainers").setLevel(logging.INFO if os.environ.get("RANK", "0") == "0" else logging.ERROR)
    return main()


if __name__ == "__main__":
    sys.exit(_script())
