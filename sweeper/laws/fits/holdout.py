"""Held-out errors: what a law says of rows that it has not seen."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.engine.descent import Problem, fit_groups, log_residuals
from sweeper.laws.fits.local import extremes_of, interior_of, pooled
from sweeper.laws.fits.noise import late_rows
from sweeper.laws.tables.table import Table

_STARTS = 10


@dataclass(frozen=True)
class HeldOut:
    """Errors of log loss; rows in the second half of training count, since recommendations are made there."""

    by_ratio: dict[float, float]
    """Root mean square at each ratio, all runs of that ratio left out."""
    fitted: dict[float, float]
    """Root mean square at each ratio about the fit to all rows."""
    last_third: dict[float, float]
    """At each ratio, the last third of tokens predicted by a fit to the first two; empty with too few token counts."""
    per_excess: dict[float, float]
    """The same errors for each unit of tokens beyond those fitted, over the largest fitted."""
    by_size: float | None
    """The largest size, fitted on the others; None with fewer than four sizes."""

    def interior(self) -> float | None:
        """Root mean square over ratios between the extremes, the selection criterion; None with fewer than three."""
        return pooled(interior_of(self.by_ratio))

    def summary(self) -> dict[str, float | None]:
        """Pooled errors by name: interior ratios first, the extremes apart."""
        third = self.last_third
        return {
            "leave_one_ratio_out": self.interior(),
            "leave_one_ratio_out_extremes": pooled(extremes_of(self.by_ratio)),
            "last_third": pooled(interior_of(third) or third),
            "last_third_extremes": pooled(extremes_of(third)),
            "largest_size": self.by_size,
        }


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
    enough = _enough_tokens(table, third)
    about = log_residuals(problem, params[None])[0]
    return HeldOut(
        by_ratio=by_ratio,
        fitted=_each_ratio(table, late, about),
        last_third=_each_ratio(table, third, residuals[-2]) if enough else {},
        per_excess=_each_ratio(table, third, residuals[-2], _excess(table, third)) if enough else {},
        by_size=_rms(residuals[-1, largest & late]) if len(np.unique(table.params)) >= 4 else None,
    )


def _each_ratio(table: Table, rows: Bools, errors: Floats, unit: Floats | None = None) -> dict[float, float]:
    """Root mean square over the rows of each ratio, as a multiple of `unit` where that is given."""
    unit = np.ones(len(table)) if unit is None else unit
    found = {}
    for ratio in _distinct(table.domain_ratio):
        at = rows & _at(table, ratio)
        if at.any():
            found[ratio] = _rms(errors[at]) / _rms(unit[at])
    return found


def _excess(table: Table, third: Bools) -> Floats:
    """Tokens of each row beyond the largest that its size keeps, over those."""
    kept = np.array([table.tokens[~third & (table.params == n)].max() for n in table.params])
    return np.asarray(table.tokens / kept - 1.0)


def interpolation_error(table: Table) -> float | None:
    """What joining the neighbouring ratios by a line would have erred, by the same measure; None where it cannot."""
    late, ratios = late_rows(table), _distinct(table.domain_ratio)
    errors = {}
    for before, ratio, after in zip(ratios, ratios[1:], ratios[2:], strict=False):
        misses = [
            _interpolation_miss(table, int(row), before, after) for row in np.flatnonzero(late & _at(table, ratio))
        ]
        known = [miss for miss in misses if miss is not None]
        if known:
            errors[ratio] = _rms(np.array(known))
    return pooled(errors)


def unchanged_error(table: Table) -> float | None:
    """What "the loss stays at the base model's" would have erred at interior ratios; None without base losses."""
    ratios = _distinct(table.domain_ratio)[1:-1]
    late = late_rows(table)
    changes = np.log(table.loss / table.base_loss)
    mean = pooled({ratio: _rms(changes[late & _at(table, ratio)]) for ratio in ratios})
    return None if mean is None or np.isnan(mean) else mean


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
