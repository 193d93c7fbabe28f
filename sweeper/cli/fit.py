"""`fit`: laws from a table of measurements, anybody's."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.cli.fit_text import print_laws
from sweeper.cli.patience import patience
from sweeper.cli.top import print_json
from sweeper.errors import SweeperError
from sweeper.pipeline.plain import write_text

if TYPE_CHECKING:
    from sweeper.laws import Table


def add_fit(verbs: Any) -> None:
    """`fit TABLE`."""
    verb = verbs.add_parser("fit", help="fit laws to a table of measurements")
    verb.add_argument("table", type=Path, help="CSV or parquet (docs/measurements.md), or a run's folder")
    verb.add_argument("--law", default="auto", metavar="LAW", help="auto (default: the laws compared), or one by name")
    verb.add_argument("--corpus", action="append", metavar="NAME", help="fit this corpus only; may be repeated")
    verb.add_argument(
        "--domain", "--target", metavar="NAME", help="the corpus that domain_ratio is the share of; default: found"
    )
    verb.add_argument("--method", metavar="NAME", help="fit the rows of this method, where the table has several")
    verb.add_argument("--output", type=Path, help="where to write the laws; default: laws.json beside the table")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--bootstrap", type=int, default=1000, help="resamples of whole runs")
    verb.add_argument("--json", action="store_true", help="print one object")
    verb.set_defaults(verb=fit_verb)


def fit_verb(arguments: argparse.Namespace) -> int:
    """Fit, write the laws, say how good they are."""
    from sweeper.laws import fit

    folder = arguments.table if arguments.table.is_dir() else arguments.table.parent
    output = arguments.output or folder / "laws.json"
    _check_law(arguments.law)
    table = read_measured(arguments.table, arguments.domain, arguments.corpus)
    method = arguments.method or _designed(table)
    check_writable(output, arguments.table)
    with patience(f"fitting {len(table.corpora)} corpora, {len(table)} rows, {arguments.bootstrap} resamples"):
        laws = fit(table, law=arguments.law, seed=arguments.seed, bootstrap=arguments.bootstrap, method=method)
    write_text(output, laws.to_json())
    if arguments.json:
        print_json({"laws": str(output), "method": method, **laws.describe()})
        return 0
    if method is not None:
        print(f"method {method}")
    print_laws(laws)
    print(f"wrote {output}")
    return 0


def read_measured(path: Path, domain: str | None, corpora: list[str] | None) -> "Table":
    """The checked table of a file or folder; messages name rows and lines of the file."""
    from sweeper.laws import table_from_columns
    from sweeper.measurements import read_columns

    found = read_columns(path)
    return table_from_columns(found.columns, domain=domain, corpora=corpora, lines=found.lines)


def check_writable(output: Path, *read: Path) -> None:
    """Refuses a place that nothing can be written to, before there is work that would be lost."""
    if output.is_dir():
        raise SweeperError(f"--output: {output} is a folder; name a file in it")
    if any(path.exists() and output.exists() and output.samefile(path) for path in read):
        raise SweeperError(f"--output: {output} is what is read; name another file")
    try:
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise SweeperError(
            f"--output: {output.parent} cannot be written to ({error.strerror}); name another"
        ) from error


def _check_law(name: str) -> None:
    from sweeper.laws import LAW_NAMES
    from sweeper.laws.tables.names import nearest_name

    if name not in LAW_NAMES:
        meant = nearest_name(name, LAW_NAMES)
        hint = f"; did you mean {meant}?" if meant else ""
        raise SweeperError(f"--law: {name!r} is not known; there are {', '.join(LAW_NAMES)}{hint}")


def _designed(table: "Table") -> str | None:
    """The method with the most ratios: a run's table holds the others at one ratio, for comparison. None where tied."""
    trained = table.rows(table.tokens > 0)
    ratios = {
        m: len(np.unique(trained.domain_ratio[trained.method == m])) for m in sorted(set(trained.method.tolist()))
    }
    most = [method for method, n in ratios.items() if n == max(ratios.values())]
    if len(ratios) > 1 and len(most) == 1:
        others = ", ".join(method or "(none)" for method in ratios if method != most[0])
        print(f"method {most[0]} has the most ratios; --method fits another: {others}", file=sys.stderr)
    return most[0] or None if len(most) == 1 else None
