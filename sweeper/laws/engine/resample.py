"""Bootstrap of whole runs, as row weights."""

import numpy as np

from sweeper.laws.arrays import Floats, Ints
from sweeper.laws.tables.table import Table

MIN_RATIOS = 3
_ATTEMPTS = 200


def resampled_runs(table: Table, count: int, rng: np.random.Generator) -> tuple[list[str], Ints]:
    """Draws runs with replacement, size by size, so that every size stays present.

    A draw with fewer than three distinct ratios (or all, where there are fewer) is drawn again.

    Returns:
        The run ids, and (count, runs) how often each was drawn.
    """
    trials, first = np.unique(table.trial, return_index=True)
    ratios, sizes = table.domain_ratio[first], table.params[first]
    enough = min(MIN_RATIOS, len(np.unique(ratios)))
    draws = np.zeros((count, len(trials)), dtype=np.int64)
    for draw in draws:
        for _ in range(_ATTEMPTS):
            draw[:] = 0
            for size in np.unique(sizes):
                members = np.flatnonzero(sizes == size)
                np.add.at(draw, rng.choice(members, len(members)), 1)
            if len(np.unique(ratios[draw > 0])) >= enough:
                break
    return [str(trial) for trial in trials], draws


def row_weights(table: Table, trials: list[str], draws: Ints) -> Floats:
    """(count, rows): how often each row's run was drawn."""
    column = {trial: i for i, trial in enumerate(trials)}
    return draws[:, [column[str(trial)] for trial in table.trial]].astype(np.float64)
