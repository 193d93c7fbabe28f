"""`python -m sweeper`: the verbs."""

import contextlib
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from sweeper.cli.parser import build_parser
from sweeper.cli.top import INTERRUPTED, guarded


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 well, 1 a run failed, 2 the user can mend it, 130 interrupted)."""
    words = sys.argv[1:] if argv is None else list(argv)
    return guarded(build_parser().parse_args(words), shlex.join(words))


def script() -> NoReturn:
    """Run the verb of the process's command line, and end the process."""
    code = main()
    if code == INTERRUPTED:
        # All of ours is written and Ray is left; unloading the libraries would take 4 to 20 s more (measured).
        logging.shutdown()
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    script()
