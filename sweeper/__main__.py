"""`python -m sweeper`: the verbs."""

import sys
from collections.abc import Sequence

from sweeper.cli.parser import build_parser
from sweeper.cli.top import guarded


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 well, 1 a run failed, 2 the user can mend it, 130 interrupted)."""
    arguments = build_parser().parse_args(argv)
    return guarded(arguments)


if __name__ == "__main__":
    sys.exit(main())
