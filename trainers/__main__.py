"""`python -m trainers`: trials without the sweeper and without Ray.

    python -m trainers SPEC             train one trial; the same as `python -m trainers train SPEC`
    python -m trainers branch TRUNK --at TOKENS,... --decay-tokens TOKENS
    python -m trainers evaluate MODEL CORPUS ...
    python -m trainers plan SPEC

Under `torchrun --nproc-per-node N -m trainers ...` a trial and an evaluation run on all N workers.
"""

import argparse
import difflib
import logging
import os
import sys
from pathlib import Path
from types import ModuleType

from trainers.errors import TrainerError
from trainers.verbs import branch, evaluate, plan, train

VERBS: dict[str, ModuleType] = {"train": train, "branch": branch, "evaluate": evaluate, "plan": plan}


def main(arguments: list[str] | None = None) -> int:
    """Run a verb.

    Returns:
        The exit status: 0, 1 after a failure, 2 where what was asked for is at fault, 130 after Ctrl-C.
    """
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    if words and words[0] not in VERBS and not words[0].startswith("-"):
        meant = difflib.get_close_matches(words[0], VERBS, n=1)
        if meant and not Path(words[0]).exists():
            parser.error(f"there is no verb or file {words[0]!r}; did you mean {meant[0]!r}?")
        words = ["train", *words]
    parsed = parser.parse_args(words)
    try:
        return int(VERBS[parsed.verb].run(parsed))
    except TrainerError as error:
        if os.environ.get("RANK", "0") == "0":
            print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


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
    # Not the root logger's: libraries have handlers of their own, and would say everything twice.
    log = logging.getLogger("trainers")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO if os.environ.get("RANK", "0") == "0" else logging.ERROR)
    return main()


if __name__ == "__main__":
    sys.exit(_script())
