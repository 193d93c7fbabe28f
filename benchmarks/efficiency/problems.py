"""All problems of the comparison."""

from pathlib import Path

from benchmarks.efficiency.own_tables import adapters, joint_grid
from benchmarks.efficiency.problem import TableProblem
from benchmarks.efficiency.published import gemstones, rectified, regmix
from benchmarks.efficiency.schedules import schedules
from benchmarks.efficiency.surfaces import dcpt_chemistry, replay_german


def problems(tables: Path | None = None) -> list[TableProblem]:
    """Those that need no table but our own, and those of a folder of released loss tables where it is given.

    Raises:
        FileNotFoundError: the folder lacks a table.
    """
    own = [joint_grid(), adapters(), dcpt_chemistry(), replay_german(), schedules()]
    if tables is None:
        return own
    return [*own, gemstones(tables), rectified(tables, "flan"), rectified(tables, "wmt19"), regmix(tables)]
