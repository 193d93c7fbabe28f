"""`predict`: losses at points, from fitted laws."""

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.cli.fit import check_writable
from sweeper.cli.laws_file import read_laws
from sweeper.cli.patience import patience
from sweeper.cli.points import Asked, predict_points, read_points
from sweeper.cli.top import print_json
from sweeper.errors import SweeperError
from sweeper.pipeline.plain import write_text

if TYPE_CHECKING:
    from sweeper.laws import LawSet


def add_predict(verbs: Any) -> None:
    """`predict LAWS --points POINTS`."""
    verb = verbs.add_parser("predict", help="predict losses at points")
    verb.add_argument("laws", type=Path, help="laws.json, or the folder that holds it")
    verb.add_argument(
        "--points", type=Path, required=True, help="CSV or parquet with corpus, tokens, domain_ratio, params, ..."
    )
    verb.add_argument("--output", type=Path, help="CSV to write; default: standard output")
    verb.add_argument("--level", type=float, default=0.9, help="of the interval")
    verb.add_argument("--mean", action="store_true", help="interval of the mean of many runs, not of a single one")
    verb.add_argument("--json", action="store_true", help="print one object")
    verb.set_defaults(verb=predict_verb)


def predict_verb(arguments: argparse.Namespace) -> int:
    """Read points, write them with loss and interval."""
    if not 0 < arguments.level < 1:
        raise SweeperError(f"--level: {arguments.level:g} is not between 0 and 1; 0.9 is an interval of 90 %")
    laws = read_laws(arguments.laws)
    asked = read_points(arguments.points, laws)
    if arguments.output:
        check_writable(arguments.output, arguments.points, arguments.laws)
    rows, notes = _predicted(laws, asked, arguments)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if arguments.output:
        write_text(arguments.output, _csv(asked, rows))
    if arguments.json:
        print_json({"points": [_plain(asked, i) | row for i, row in enumerate(rows)], "notes": notes})
    elif arguments.output:
        print(f"wrote {arguments.output}")
    else:
        print(_csv(asked, rows), end="")
    return 0


def _predicted(laws: "LawSet", asked: Asked, arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    with patience(f"predicting {len(asked)} points"):
        return predict_points(laws, asked, level=arguments.level, noise=not arguments.mean)


def _plain(asked: Asked, index: int) -> dict[str, Any]:
    """A point as it was given, numbers as numbers."""
    given = {name: values[index] for name, values in asked.given.items()}
    return given | {name: float(values[index]) for name, values in asked.numbers.items() if name in given}


def _csv(asked: Asked, rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    points = [{name: values[i] for name, values in asked.given.items()} | row for i, row in enumerate(rows)]
    writer = csv.DictWriter(out, fieldnames=list(points[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(points)
    return out.getvalue()
