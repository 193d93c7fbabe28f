"""How much of a grid's tokens a search needs to recommend nearly as well as the grid; ours against its peers.

    python -m benchmarks.search_efficiency [--tables DIR] [--seeds 30] [--only NAME ...] [--problems NAME ...]

Regret is that of the recommendation, noise-free and at full length, as a share of the grid's optimum loss
(`benchmarks.efficiency`). DIR holds the released loss tables; without it only our own tables and the surfaces that need
none are searched, and that is said. Curves are kept in `runs/search_efficiency` and found again; `--fresh NAME` makes
those of a strategy anew. Prints the medians and ends with one JSON line; `--write` puts the results and the picture in
their places.
"""

import argparse
import json
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.efficiency.curves import BUDGETS, curves
from benchmarks.efficiency.figures import picture, text
from benchmarks.efficiency.problems import problems
from benchmarks.efficiency.strategies import OURS, STRATEGIES, applies
from benchmarks.efficiency.summary import Curves, quartiles, summarised

RESULTS = Path("benchmarks/results/search_efficiency.json")
PICTURE = Path("docs/evidence/search_efficiency.svg")
_CHUNK = 5
"""Seeds a task."""


def compared(
    names: list[str], chosen: list[str] | None, seeds: int, tables: Path | None, kept: Path | None, processes: int = 2
) -> dict[str, Curves]:
    """Curves by problem and strategy.

    Args:
        names: Strategies.
        chosen: Problems; None takes all.
        seeds: How many.
        tables: Folder of released loss tables.
        kept: Folder of curves from earlier calls.
        processes: How many work at once; 1 stays in this one.
    """
    found = [problem.name for problem in problems(tables) if chosen is None or problem.name in chosen]
    tasks = [
        (problem, name, first, min(seeds, first + _CHUNK))
        for first in range(0, seeds, _CHUNK)
        for problem in found
        for name in names
        if applies(name, next(p for p in problems(tables) if p.name == problem))
    ]
    run = partial(_task, tables, kept)
    if processes == 1:
        parts = list(map(run, tasks))
    else:
        with ProcessPoolExecutor(processes) as pool:
            parts = list(pool.map(run, tasks))
    joined: dict[str, dict[str, list[NDArray[np.float64]]]] = defaultdict(lambda: defaultdict(list))
    for (problem, name, _, _), part in zip(tasks, parts, strict=True):
        joined[problem][name].append(part)
    return {problem: {n: np.concatenate(p) for n, p in by_name.items()} for problem, by_name in joined.items()}


def _task(tables: Path | None, kept: Path | None, task: tuple[str, str, int, int]) -> NDArray[np.float64]:
    problem, name, first, last = task
    table = next(p for p in problems(tables) if p.name == problem)
    folder = None if kept is None else kept / f"{first}"
    return curves(table, name, STRATEGIES[name], range(first, last), folder)


def main(argv: list[str] | None = None) -> int:
    """Run what is asked for, print it, write it where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", nargs="+", choices=list(STRATEGIES), default=list(STRATEGIES))
    parser.add_argument("--problems", nargs="+")
    parser.add_argument("--fresh", nargs="+", choices=list(STRATEGIES), default=[])
    parser.add_argument("--kept", type=Path, default=Path("runs/search_efficiency"))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(argv)
    if asked.tables is None:
        print("no --tables: the problems made of released loss tables are left out", file=sys.stderr)
    for name in asked.fresh:
        for file in asked.kept.glob(f"*/*-{name}.json"):
            file.unlink()
    results = compared(asked.only, asked.problems, asked.seeds, asked.tables, asked.kept, asked.processes)
    line = {"seeds": asked.seeds, **summarised(results, OURS)}
    print(text(results))
    if asked.write:
        _write(results, line)
    print(json.dumps(line))
    return 0


def _write(results: dict[str, Curves], line: dict[str, object]) -> None:
    regret = {p: {name: quartiles(found) for name, found in by_name.items()} for p, by_name in results.items()}
    whole = {**line, "budgets": BUDGETS, "regret": regret}
    RESULTS.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    PICTURE.write_text(picture(results), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
