"""Laws judged on tables of real continual pre-training curves, by what they say of rows that they have not seen.

    python -m benchmarks.laws_held_out --tables DIR [--output FILE] [--bootstrap 50]

DIR holds CSV or parquet files of the measurements contract, from anywhere. What is judged: `benchmarks/README.md`.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks.laws_held_out_rows import Miss, folds_of, misses_of
from benchmarks.laws_held_out_share import ShareMiss, share_misses_of
from benchmarks.laws_held_out_summary import summary
from sweeper.laws import Table, table_from_columns
from sweeper.measurements import read_columns
from sweeper.pipeline.plain import write_text

METHOD = "full"
"""Taken where a table has several methods: a law is a law of one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Judges every table, prints medians, ends with one JSON line."""
    options = _parser().parse_args(arguments)
    tables = read_tables(options.tables)
    misses: list[Miss] = []
    shares: list[ShareMiss] = []
    for name, table in tables.items():
        start = time.perf_counter()
        for fold in folds_of(table):
            misses += misses_of(name, table, fold, options.bootstrap)
        shares += share_misses_of(name, table, options.bootstrap)
        print(f"{name}: {len(table)} rows, {time.perf_counter() - start:.0f} s", flush=True)
    found = summary(misses, shares)
    print(text_of(found))
    if options.output:
        described = {name: described_table(table) for name, table in tables.items()}
        write_text(options.output, json.dumps({"tables": described, **found}, indent=1) + "\n")
    print(json.dumps(_last_line(found, len(tables))))
    return 0


def read_tables(folder: Path) -> dict[str, Table]:
    """By file name, of one method each."""
    tables = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".csv", ".parquet"):
            table = table_from_columns(read_columns(path).columns)
            several = len(set(table.method[table.tokens > 0].tolist())) > 1
            tables[path.stem] = table.where(method=METHOD) if several else table
    return tables


def described_table(table: Table) -> dict[str, Any]:
    """What a table holds, without where it lies."""
    trained = table.rows(table.tokens > 0)
    return {
        "domain": [name for name in table.corpora if name not in table.remainder],
        "general": [name for name in table.corpora if name in table.remainder],
        "params": np.unique(trained.params).tolist(),
        "ratios": np.unique(np.round(trained.domain_ratio, 3)).tolist(),
        "runs": len(np.unique(trained.trial)),
        "checkpoints": len(np.unique(trained.tokens)),
        "tokens": float(trained.tokens.max()),
        "rows": len(trained),
    }


def text_of(found: dict[str, Any]) -> str:
    """Tables of medians in nats, and of the share that keeps the base loss."""
    lines = []
    for question, roles in found["losses"].items():
        lines.append(f"\n{question}: median error (nats), ratio to dcpt (least to greatest over tables), coverage")
        lines += [_line(role, side, each) for role, sides in roles.items() for side, each in sides.items()]
    lines.append("\nratio that keeps the base loss: median error, interpolated alike, within .01, coverage, crossings")
    for side, each in found["share"].items():
        lines.append(
            f"  {side:<16} {each['median']:.4f}  {each['median_alike']:.4f}  {each['within_0.01']:.0%} "
            f"({each['within_0.01_alike']:.0%} alike)  {each['coverage']:.0%}  {each['crossings']}"
        )
    return "\n".join(lines)


def _line(role: str, side: str, each: dict[str, Any]) -> str:
    to = each.get("to_dcpt")
    ratio = f"{to['ratio']:.2f} ({to['least']:.2f} to {to['greatest']:.2f})" if to else ""
    covered = "" if each["coverage"] is None else f"{each['coverage']:.0%}"
    return (
        f"  {role:<8} {side:<16} {each['median']:.4f}  over rows {each['median_over_rows']:.4f}  {ratio:<22} "
        f"{covered:>5}  {each['units']} units"
    )


def _last_line(found: dict[str, Any], tables: int) -> dict[str, Any]:
    ratios = {
        f"{question}, {role}": round(sides["auto"]["to_dcpt"]["ratio"], 3)
        for question, roles in found["losses"].items()
        for role, sides in roles.items()
    }
    covered = {
        f"{question}, {role}": round(sides["auto"]["coverage"], 3)
        for question, roles in found["losses"].items()
        for role, sides in roles.items()
    }
    share = {side: round(each["median"], 4) for side, each in found["share"].items()}
    return {"tables": tables, "auto_to_dcpt": ratios, "coverage": covered, "share_error": share}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laws_held_out", description=__doc__)
    parser.add_argument("--tables", type=Path, required=True, help="folder of tables (docs/measurements.md)")
    parser.add_argument("--output", type=Path, help="also write everything to this file")
    parser.add_argument("--bootstrap", type=int, default=50, help="resamples of the laws that need them")
    return parser


if __name__ == "__main__":
    sys.exit(main())
