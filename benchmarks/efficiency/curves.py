"""Regret against tokens spent: one strategy on one problem, over seeds, kept on disk between calls."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.efficiency.problem import Strategy, TableProblem

BUDGETS = (0.01, 0.02, 0.03, 0.05, 0.07, 0.10, 0.15, 0.20, 0.30, 0.50, 1.00)
"""Shares of the grid's tokens."""


def regrets(problem: TableProblem, strategy: Strategy, seed: int) -> list[float]:
    """Regret of what a strategy recommends with each of `BUDGETS` spent at most.

    Before its first measurement a strategy knows nothing: the mean over all settings counts.
    """
    limits = np.array(BUDGETS) * problem.grid_tokens * (1 + 1e-12)
    seen = np.full(len(BUDGETS), problem.values.mean() / problem.optimum - 1.0)
    for spent, setting in strategy(problem, seed):
        seen[limits >= spent] = problem.regret(setting)
        if spent >= problem.grid_tokens:
            break
    return [float(regret) for regret in seen]


def curves(
    problem: TableProblem, name: str, strategy: Strategy, seeds: Iterable[int], kept: Path | None = None
) -> NDArray[np.float64]:
    """(seeds, budgets) regrets; in `kept` those of earlier calls are found and new ones added.

    What is kept belongs to the problem's content and the strategy's name, not to the strategy's code.
    """
    file = None if kept is None else kept / f"{problem.name}-{_digest(problem)}-{name}.json"
    known: dict[str, list[float]] = {}
    if file is not None and file.exists():
        known = json.loads(file.read_text(encoding="utf-8"))
    wanted = [str(seed) for seed in seeds]
    for seed in wanted:
        if seed not in known:
            known[seed] = regrets(problem, strategy, int(seed))
            if file is not None:
                _write(file, json.dumps(known))
    return np.array([known[seed] for seed in wanted])


def _digest(problem: TableProblem) -> str:
    """Of everything that decides what a strategy meets."""
    about = [problem.settings, problem.checkpoints, problem.corpora, problem.target, problem.limited, problem.limit]
    text = repr([*about, problem.noise, BUDGETS])
    return hashlib.sha256(text.encode() + problem.losses.tobytes()).hexdigest()[:10]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
