"""Held-out errors: what a law says of rows that it has not seen."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.engine import Problem, fit_groups, log_residuals
from sweeper.laws.noise import late_rows
from sweeper.laws.table import Table

_STARTS = 10


@dataclass(frozen=True)
class HeldOut:
    """Errors of log loss; rows in the second half of training count, since recommendations are made there."""

    by_ratio: dict[float, float]
    """Root mean square at each ratio, all runs of that ratio left out."""
    last_third: float | None
    """Root mean square of the last third of tokens, fitted on the first two; None with too few token counts."""
    by_size: float | None
    """The largest size, fitted on the others; None with fewer than four sizes."""

    def interior(self) -> float | None:
        """Root mean square over ratios between the extremes, the selection criterion; None with fewer than three."""
        ratios = sorted(self.by_ratio)[1:-1]
        return _pool([self.by_ratio[r] for r in ratios])

    def extremes(self) -> float | None:
        """Root mean square at the smallest and largest ratio: an extrapolation in ratio."""
        ratios = sorted(self.by_ratio)
        return _pool([self.by_ratio[r] for r in ratios[:1] + ratios[1:][-1:]]) if len(ratios) >= 3 else None


def _pool(errors: list[float]) -> float | None:
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else None


def held_out_errors(problem: Problem, table: Table, params: Floats, rng: np.random.Generator) -> HeldOut:
    """All held-out errors in one batch of fits.

    Args:
        problem: The law and all rows.
        table: The same rows.
        params: (p,) the fit to all rows, one of the starts.
        rng: Draws the other starts.
    """
    late = late_rows(table)
    ratios = _distinct(table.domain_ratio)
    folds: list[Bools] = [np.isclose(table.domain_ratio, r, atol=6e-4) for r in ratios] if len(ratios) >= 3 else []
    third = _last_third(table)
    folds.append(third)
    largest = np.asarray(table.params == table.params.max())
    folds.append(largest)
    weights = 1.0 - np.array(folds, dtype=np.float64)
    starts = np.stack([np.vstack([params, problem.law.starts(rng, _STARTS - 1)]) for _ in folds])
    residuals = log_residuals(problem, fit_groups(problem, weights, starts).params)
    by_ratio = {
        ratio: _rms(residuals[i, fold & late])
        for i, (ratio, fold) in enumerate(zip(ratios, folds[:-2], strict=False))
        if np.any(fold & late)
    }
    return HeldOut(
        by_ratio=by_ratio,
        last_third=_rms(residuals[-2, third]) if _enough_tokens(table, third) else None,
        by_size=_rms(residuals[-1, largest & late]) if len(np.unique(table.params)) >= 4 else None,
    )


def interpolation_error(table: Table) -> float | None:
    """What joining the neighbouring ratios by a line would have erred, by the same measure; None where it cannot."""
    late, ratios = late_rows(table), _distinct(table.domain_ratio)
    errors = []
    for before, ratio, after in zip(ratios, ratios[1:], ratios[2:], strict=False):
        misses = [
            _interpolation_miss(table, int(row), before, after) for row in np.flatnonzero(late & _at(table, ratio))
        ]
        known = [miss for miss in misses if miss is not None]
        if known:
            errors.append(_rms(np.array(known)))
    return _pool(errors)


def unchanged_error(table: Table) -> float | None:
    """What "the loss stays at the base model's" would have erred at interior ratios; None without base losses."""
    ratios = _distinct(table.domain_ratio)[1:-1]
    late = late_rows(table)
    changes = np.log(table.loss / table.base_loss)
    errors = [_rms(changes[late & _at(table, ratio)]) for ratio in ratios]
    pooled = _pool(errors)
    return None if pooled is None or np.isnan(pooled) else pooled


def _distinct(ratios: Floats) -> list[float]:
    return [float(r) for r in np.unique(np.round(ratios, 3))]


def _at(table: Table, ratio: float) -> Bools:
    return np.asarray(np.isclose(table.domain_ratio, ratio, atol=6e-4))


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def _last_third(table: Table) -> Bools:
    largest = np.array([table.tokens[table.params == n].max() for n in table.params])
    return np.asarray(table.tokens > largest * (2 / 3) * (1 + 1e-9))


def _enough_tokens(table: Table, third: Bools) -> bool:
    return all(len(np.unique(table.tokens[~third & (table.params == n)])) >= 2 for n in np.unique(table.params))


def _interpolation_miss(table: Table, row: int, before: float, after: float) -> float | None:
    same = (table.params == table.params[row]) & np.isclose(table.tokens, table.tokens[row], rtol=0.02)
    sides = [np.log(table.loss[same & _at(table, side)]) for side in (before, after)]
    if not all(side.size for side in sides):
        return None
    weight = (table.domain_ratio[row] - before) / (after - before)
    return float((1 - weight) * sides[0].mean() + weight * sides[1].mean() - np.log(table.loss[row]))
