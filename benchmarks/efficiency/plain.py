"""The plain strategies: the grid in a random order, and random settings; both train every run to its end."""

from collections.abc import Iterable, Iterator

import numpy as np

from benchmarks.efficiency.problem import Runs, TableProblem


def grid(problem: TableProblem, seed: int) -> Iterator[tuple[int, int]]:
    """Every setting once, in a random order; recommends the best that was measured."""
    return _whole_runs(problem, seed, np.random.default_rng(seed).permutation(len(problem.settings)).tolist())


def random(problem: TableProblem, seed: int) -> Iterator[tuple[int, int]]:
    """Settings drawn with replacement; one that comes again costs nothing. Recommends the best that was measured."""
    count = len(problem.settings)
    return _whole_runs(problem, seed, np.random.default_rng(seed).integers(0, count, 20 * count).tolist())


def _whole_runs(problem: TableProblem, seed: int, order: Iterable[int]) -> Iterator[tuple[int, int]]:
    runs = Runs(problem, seed)
    best, lowest = -1, np.inf
    for setting in order:
        objective = problem.objective(runs.measure(setting, problem.max_tokens))
        if objective < lowest:
            best, lowest = setting, objective
        yield runs.spent, best
