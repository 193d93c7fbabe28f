"""The verbs that take a table of measurements, anybody's: fit, predict, recommend."""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.cli.top import print_json
from sweeper.errors import SweeperError
from sweeper.pipeline.plain import write_text

if TYPE_CHECKING:
    from sweeper.laws import LawSet, Table


def add_fit(verbs: Any) -> None:
    """`fit TABLE`."""
    verb = verbs.add_parser("fit", help="fit laws to a table of measurements")
    verb.add_argument("table", type=Path, help="CSV or parquet (docs/measurements.md), or a run's folder")
    verb.add_argument("--law", choices=["auto", "dcpt", "anchored"], default="auto")
    verb.add_argument("--target", help="the corpus that domain_ratio is the share of; default: found from the table")
    verb.add_argument("--method", help="fit the rows of this method, where the table has several")
    verb.add_argument("--output", type=Path, help="where to write the laws; default: laws.json beside the table")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--bootstrap", type=int, default=200, help="resamples of whole runs")
    verb.add_argument("--json", action="store_true", help="print one object")
    verb.set_defaults(verb=fit_verb)


def add_predict(verbs: Any) -> None:
    """`predict LAWS --points POINTS`."""
    verb = verbs.add_parser("predict", help="predict losses at points")
    verb.add_argument("laws", type=Path, help="laws.json")
    verb.add_argument("--points", type=Path, required=True, help="CSV with corpus, tokens, domain_ratio, params")
    verb.add_argument("--output", type=Path, help="CSV to write; default: standard output")
    verb.add_argument("--level", type=float, default=0.9, help="of the interval")
    verb.add_argument("--mean", action="store_true", help="interval of the mean of many runs, not of a single one")
    verb.add_argument("--json", action="store_true", help="print one object")
    verb.set_defaults(verb=predict_verb)


def add_recommend(verbs: Any) -> None:
    """`recommend LAWS ...`."""
    verb = verbs.add_parser("recommend", help="the ratio with the lowest target loss that holds the constraint")
    verb.add_argument("laws", type=Path, help="laws.json")
    verb.add_argument("--tokens", required=True, help="training tokens of the run to come, as in 2M")
    verb.add_argument("--params", type=float, help="its parameters; default: the largest measured")
    verb.add_argument("--max-increase", type=float, default=0.03, help="how far the loss may rise: 0.03 is 3 %%")
    verb.add_argument("--corpus", help="the constrained corpus; default: the only one beside the target")
    verb.add_argument("--base-loss", type=float, help="its loss before training; default: measured in the table")
    verb.add_argument("--confidence", type=float, help="hold the constraint with this probability")
    verb.add_argument("--json", action="store_true", help="print one object")
    verb.set_defaults(verb=recommend_verb)


def fit_verb(arguments: argparse.Namespace) -> int:
    """Fit, write the laws, say how good they are."""
    from sweeper.laws import fit, table_from_columns
    from sweeper.measurements import read_table, to_columns
    from sweeper.pipeline.fit import fit_to

    measurements = fit_to(read_table(arguments.table))
    table = table_from_columns(to_columns(measurements), target=arguments.target)
    method = arguments.method or _designed(table)
    laws = fit(table, law=arguments.law, seed=arguments.seed, bootstrap=arguments.bootstrap, method=method)
    folder = arguments.table if arguments.table.is_dir() else arguments.table.parent
    output = arguments.output or folder / "laws.json"
    write_text(output, laws.to_json())
    if arguments.json:
        print_json({"laws": str(output), "method": method, **_described(laws)})
        return 0
    if method is not None:
        print(f"method {method}")
    for name, law in laws.corpora.items():
        print(f"{name}: {law.law} of {law.rows} rows in {law.runs} runs; R² {law.r2:.4f}, RMSE {law.rmse:.4f} nats")
        for candidate, fitted in law.candidates.items():
            errors = ", ".join(f"{k} {v:.4f}" for k, v in fitted.held_out.items() if v is not None)
            print(f"  {candidate}{' (used)' if candidate == law.law else ''}: held-out errors in nats: {errors}")
        for note in law.notes:
            print(f"  note: {note}")
    for note in laws.notes:
        print(f"note: {note}")
    print(f"wrote {output}")
    return 0


def predict_verb(arguments: argparse.Namespace) -> int:
    """Read points, write them with loss and interval."""
    laws = _read_laws(arguments.laws)
    rows = [_predicted(laws, n, row, arguments) for n, row in enumerate(_read_points(arguments.points), start=1)]
    if arguments.json:
        print_json({"points": rows})
    elif arguments.output:
        with arguments.output.open("w", encoding="utf-8", newline="") as out:
            _write_rows(out, rows)
        print(f"wrote {arguments.output}")
    else:
        _write_rows(sys.stdout, rows)
    return 0


def recommend_verb(arguments: argparse.Namespace) -> int:
    """Recommend from fitted laws."""
    from sweeper.experiment.quantities import parse_tokens
    from sweeper.laws import recommend_tradeoff

    laws = _read_laws(arguments.laws)
    corpus = arguments.corpus or _only_other(laws)
    params = arguments.params or max(n for law in laws.corpora.values() for n in law.max_tokens)
    base = laws.base_loss(corpus, params) if arguments.base_loss is None else arguments.base_loss
    found = recommend_tradeoff(
        laws,
        target=laws.target,
        constraint={corpus: (base, arguments.max_increase)},
        tokens=parse_tokens(arguments.tokens),
        params=params,
        confidence=arguments.confidence,
    )
    if arguments.json:
        print_json(found.to_dict())
        return 0
    low, high = found.interval
    print(f"mix {found.domain_ratio:.1%} {laws.target} text (90 % interval {low:.1%} to {high:.1%})")
    for name, loss in found.predicted.items():
        print(f"{name}: predicted loss {loss.loss:.4f} [{loss.low:.4f}, {loss.high:.4f}]")
    print(f"{corpus} stays within {arguments.max_increase:.1%} of {base:.4f} with probability {found.p_constraint:.2f}")
    for word in found.trust:
        print(f"do not trust: {word}")
    return 0


def _designed(table: "Table") -> str | None:
    """The method with the most ratios: a run's table holds the others at one ratio, for comparison. None where tied."""
    ratios = {m: len(set(table.domain_ratio[(table.method == m) & (table.tokens > 0)])) for m in set(table.method)}
    most = [method for method, n in ratios.items() if n == max(ratios.values())]
    return str(most[0]) or None if len(most) == 1 else None


def _described(laws: "LawSet") -> dict[str, Any]:
    described: dict[str, Any] = json.loads(laws.to_json())
    for law in described["corpora"].values():
        for candidate in law.get("candidates", {}).values():
            candidate.pop("samples", None)
    return described


def _read_laws(path: Path) -> "LawSet":
    from sweeper.laws import LawError, LawSet

    if not path.is_file():
        raise SweeperError(f"laws: there is no file {path}; `python -m sweeper fit TABLE` writes one")
    try:
        return LawSet.from_json(path.read_text(encoding="utf-8"))
    except (LawError, UnicodeDecodeError) as error:
        raise SweeperError(f"{path}: {error}; `python -m sweeper fit TABLE` writes such a file") from error


def _read_points(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise SweeperError(f"--points: there is no file {path}")
    with path.open(encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        names, rows = reader.fieldnames or [], list(reader)
    for name in ("corpus", "tokens", "domain_ratio"):
        if name not in names:
            raise SweeperError(f"--points: {path} has no column {name!r}; needed: corpus, tokens, domain_ratio")
    if not rows:
        raise SweeperError(f"--points: {path} has no points below its header")
    return rows


def _predicted(laws: "LawSet", number: int, row: dict[str, str], arguments: argparse.Namespace) -> dict[str, Any]:
    largest = max(laws.corpus(row["corpus"]).max_tokens)
    params = _number(number, row, "params", largest)
    found = laws.predict(
        row["corpus"],
        tokens=_number(number, row, "tokens"),
        domain_ratio=_number(number, row, "domain_ratio"),
        params=params,
        lr_fraction=_number(number, row, "lr_fraction", 1.0),
        level=arguments.level,
        noise=not arguments.mean,
    )
    losses = {"loss": float(found.loss), "loss_low": float(found.low), "loss_high": float(found.high)}
    return {**row, "params": params, **losses, "extrapolation": found.extrapolation}


def _number(number: int, row: dict[str, str], name: str, default: float | None = None) -> float:
    """A cell; tokens as in 160000 or 160k."""
    from sweeper.experiment.quantities import parse_tokens

    text = row.get(name) or ""
    if not text and default is not None:
        return default
    try:
        return float(text)
    except ValueError:
        if name == "tokens" and text[-1:].isalpha() and text[:1].isdigit():
            return float(parse_tokens(text))
        raise SweeperError(f"--points: row {number}: {name}: {text!r} is not a number") from None


def _write_rows(out: Any, rows: list[dict[str, Any]]) -> None:
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _only_other(laws: "LawSet") -> str:
    others = [name for name in laws.corpora if name != laws.target]
    if len(others) != 1:
        raise SweeperError(f"--corpus: name the constrained corpus, one of {', '.join(others)}")
    return others[0]
