"""`python -m sweeper`: the verbs."""

import shlex
import sys
from collections.abc import Sequence

from sweeper.cli.parser import build_parser
from sweeper.cli.top import guarded


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 well, 1 a run failed, 2 the user can mend it, 130 interrupted)."""
    words = sys.argv[1:] if argv is None else list(argv)
    return guarded(build_parser().parse_args(words), shlex.join(words))


if __name__ == "__main__":
    sys.exit(main())
