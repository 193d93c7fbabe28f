"""The product's own search on a table: `sweeper.design`, one run at a time, until it ends by itself."""

from collections.abc import Iterator

from benchmarks.efficiency.problem import Runs, TableProblem
from sweeper.design.axes import Axis
from sweeper.design.chooser import Chooser
from sweeper.design.saving import Goal


def ours(problem: TableProblem, seed: int) -> Iterator[tuple[int, int]]:
    """A strategy (`benchmarks.efficiency.problem.Strategy`)."""
    chooser, runs = chooser_for(problem, seed), Runs(problem, seed)
    while True:
        choice = chooser.next(problem.grid_tokens - runs.spent)
        if choice is None:
            return
        run = chooser.start(choice.setting) if choice.run is None else choice.run
        for tokens in problem.checkpoints:
            if chooser.runs[run].tokens < tokens <= choice.tokens:
                chooser.observe(run, tokens, runs.measure(choice.setting, tokens))
        yield runs.spent, chooser.recommend().setting


def chooser_for(problem: TableProblem, seed: int) -> Chooser:
    """The product's chooser on the problem's grid; every number is spaced as the problem says."""
    axes = [
        Axis(axis.name, "category", choices=axis.values)
        if axis.kind == "category"
        else Axis(axis.name, axis.kind, min(map(float, axis.values)), max(map(float, axis.values)))
        for axis in problem.axes
    ]
    goal = Goal(problem.target, problem.limited, problem.limit or 0.0)
    return Chooser(axes, problem.settings, problem.checkpoints, goal, seed=seed)
