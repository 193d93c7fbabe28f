"""What stands around every verb: errors become messages and exit codes."""

import argparse
import logging
import signal
import sys
from typing import Any

from sweeper.cli.system_errors import in_words
from sweeper.errors import SweeperError
from sweeper.pipeline.plain import json_text

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the signal's number."""


def guarded(arguments: argparse.Namespace, words: str) -> int:
    """Run the verb that was asked for; `words` are the command line, for the message after an interrupt."""
    signal.signal(signal.SIGTERM, _interrupt)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        return int(arguments.verb(arguments))
    except KeyboardInterrupt:
        print(f"\ninterrupted; nothing is lost. Continue with: python -m sweeper {words}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except OSError as error:
        said = in_words(error, str(getattr(arguments, "output", None) or "the output folder"))
        if said is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        return 2
    except Exception as error:
        if not _is_for_people(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1 if type(error).__name__ == "PhaseError" else 2


def print_json(value: Any) -> None:
    """The one object of `--json`, on standard output."""
    print(json_text(value))


def _is_for_people(error: Exception) -> bool:
    """Each room has its own root of errors; a name is compared where importing the room would cost time."""
    roots = {base.__name__ for base in type(error).__mro__}
    return isinstance(error, SweeperError) or bool(roots & {"LawError", "TrainerError", "PhaseError"})


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt
