"""The laws against what was published, against known truths and against the clock.

    python -m benchmarks.laws --tables DIR [--parts NAME ...] [--output FILE]

What is compared and how to read it: `benchmarks/README.md`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks import laws_published, laws_simulated, laws_speed
from benchmarks.laws_rows import Row, text_of
from sweeper.pipeline.plain import write_text

Part = Callable[[Path], list[Row]]
PARTS: dict[str, Part] = {
    "published": laws_published.rows,
    "simulated": laws_simulated.rows,
    "speed": laws_speed.rows,
}
"""By name; each is given the folder of tables."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts, prints them, ends with one JSON line; 1 where a row failed."""
    options = _parser().parse_args(arguments)
    found = {}
    for name in options.parts or PARTS:
        found[name] = PARTS[name](options.tables)
        print(f"{name}\n{text_of(found[name])}\n", flush=True)
    said = summary(found)
    if options.output:
        write_text(options.output, json.dumps(said, indent=1) + "\n")
    print(json.dumps({name: said[name] for name in ("passed", "failed")}))
    return 1 if said["failed"] else 0


def summary(found: dict[str, list[Row]]) -> dict[str, Any]:
    """All rows by part, and how many passed and which failed."""
    rows = [row for part in found.values() for row in part]
    return {
        "passed": sum(row.passed for row in rows),
        "failed": [row.what for row in rows if not row.passed],
        "parts": {name: [asdict(row) | {"passed": row.passed} for row in part] for name, part in found.items()},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laws", description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of released tables")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), help="only these")
    parser.add_argument("--output", type=Path, help="also write everything to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
