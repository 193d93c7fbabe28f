"""All problems of the comparison."""

from pathlib import Path

from benchmarks.efficiency.problem import TableProblem
from benchmarks.efficiency.surfaces import dcpt_chemistry, replay_german


def problems(tables: Path | None = None) -> list[TableProblem]:
    """Those that need no table, and those of the folder of released loss tables where it is given.

    Raises:
        FileNotFoundError: the folder lacks a table.
    """
    return [dcpt_chemistry(), replay_german()]
