"""What one would have said of a left-out ratio without a law.

Each baseline is judged as laws are: rows of interior ratios in the second half of training, errors of log loss.
"""

from collections.abc import Callable

import numpy as np

from sweeper.laws.arrays import Bools
from sweeper.laws.fits.holdout import at_ratio, distinct_ratios, rms
from sweeper.laws.fits.local import pooled
from sweeper.laws.fits.noise import late_rows
from sweeper.laws.tables.table import Table

Baseline = Callable[[Table, int, Bools], float | None]
"""(rows, which row is asked for, rows that may be seen) -> log loss; None where it cannot say."""


def baseline_errors(table: Table) -> dict[str, float | None]:
    """Root mean square error of each baseline on interior ratios left out; None where it cannot say anything."""
    return {name: _error(table, baseline) for name, baseline in BASELINES.items()}


def interpolation(table: Table, row: int, seen: Bools) -> float | None:
    """Joins the neighbouring ratios by a line in log loss."""
    here = table.domain_ratio[row]
    below, above = seen & (table.domain_ratio < here), seen & (table.domain_ratio > here)
    if not below.any() or not above.any():
        return None
    sides = [table.domain_ratio[below].max(), table.domain_ratio[above].min()]
    losses = [float(np.log(table.loss[seen & at_ratio(table, side)]).mean()) for side in sides]
    return float(np.interp(here, sides, losses))


def nearest_run(table: Table, row: int, seen: Bools) -> float | None:
    """The measured ratio nearest to it."""
    away = np.where(seen, np.round(np.abs(table.domain_ratio - table.domain_ratio[row]), 6), np.inf)
    return float(np.log(table.loss[away == away.min()]).mean()) if seen.any() else None


def own_share_line(table: Table, row: int, seen: Bools) -> float | None:
    """A straight line in the corpus' own share through all other ratios."""
    share = table.share[seen]
    if len(np.unique(share)) < 2:
        return None
    slope, level = np.polyfit(share, np.log(table.loss[seen]), 1)
    return float(level + slope * table.share[row])


def unchanged(table: Table, row: int, seen: Bools) -> float | None:
    """The loss stays at the base model's."""
    base = float(table.base_loss[row])
    return None if np.isnan(base) else float(np.log(base))


BASELINES: dict[str, Baseline] = {
    "interpolation": interpolation,
    "nearest_run": nearest_run,
    "own_share_line": own_share_line,
    "unchanged": unchanged,
}


def _error(table: Table, baseline: Baseline) -> float | None:
    late = late_rows(table)
    errors = {}
    for ratio in distinct_ratios(table.domain_ratio)[1:-1]:
        misses = [_miss(table, int(row), baseline) for row in np.flatnonzero(late & at_ratio(table, ratio))]
        known = [miss for miss in misses if miss is not None]
        if known:
            errors[ratio] = rms(np.array(known))
    return pooled(errors)


def _miss(table: Table, row: int, baseline: Baseline) -> float | None:
    """Its error at one row, seeing the other ratios at the same size and tokens."""
    same = (table.params == table.params[row]) & np.isclose(table.tokens, table.tokens[row], rtol=0.02)
    said = baseline(table, row, same & ~at_ratio(table, float(table.domain_ratio[row])))
    return None if said is None else said - float(np.log(table.loss[row]))
