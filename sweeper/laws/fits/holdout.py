"""Held-out errors: what a law says of rows that it has not seen."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.fits.local import extremes_of, interior_of, pooled
from sweeper.laws.fits.noise import late_rows, longest_run
from sweeper.laws.tables.table import Table

MIN_RATIOS = 3
MAX_FOLDS = 12
"""Of ratios: with more distinct ones every twelfth is left out together, so that each keeps near neighbours."""
MIN_SIZES = 4
"""Sizes from which on the largest is predicted from the others."""
Z90 = 1.645
"""Standard deviations from the middle of a normal distribution to the ends of its central 90 %."""


@dataclass(frozen=True)
class Folds:
    """Rows to leave out, one fold a row of `left_out`: each ratio, the last third of tokens, the largest size.

    Where there are very many ratios a fold leaves several out, far from each other. A fold that the table does
    not allow is not there, nor one that has no row to judge: a ratio measured only early.
    """

    left_out: Bools
    """(folds, n)"""
    judged: Bools
    """(folds, n): the rows of a fold whose errors count."""
    names: tuple[str, ...]
    """`ratio`, `last_third` or `largest_size`."""

    def __len__(self) -> int:
        return len(self.names)


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
    coverage: float | None = None
    """Part of the judged rows that lay within the 90 % interval of the fit that had not seen them."""

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


def folds_of(table: Table) -> Folds:
    """The folds that a table of one corpus allows."""
    late, ratios = late_rows(table), distinct_ratios(table.domain_ratio)
    left_out: list[Bools] = []
    names: list[str] = []
    if len(ratios) >= MIN_RATIOS:
        groups = [ratios[i::MAX_FOLDS] for i in range(min(MAX_FOLDS, len(ratios)))]
        left_out += [np.any([at_ratio(table, ratio) for ratio in group], axis=0) for group in groups]
        names += ["ratio"] * len(groups)
    third = last_third(table)
    if third.any() and enough_tokens(table, third):
        left_out.append(third)
        names.append("last_third")
    if len(np.unique(table.params)) >= MIN_SIZES:
        left_out.append(np.asarray(table.params == table.params.max()))
        names.append("largest_size")
    rows = np.array(left_out, dtype=np.bool_).reshape(len(names), len(table))
    thirds = np.array([name == "last_third" for name in names], dtype=np.bool_)
    judged = rows & (late | thirds[:, None])
    kept = np.flatnonzero(judged.any(axis=1))
    return Folds(rows[kept], judged[kept], tuple(names[i] for i in kept))


def held_out_of(table: Table, folds: Folds, residuals: Floats, about: Floats, spreads: Floats | None = None) -> HeldOut:
    """Pools what fits to the folds' other rows said.

    Args:
        table: Rows of one corpus.
        folds: Its folds.
        residuals: (folds, n) predicted minus measured log loss.
        about: (n,) the same of the fit to all rows.
        spreads: (folds, n) standard deviation that each prediction gave for a single run.
    """
    by_ratio: dict[float, float] = {}
    third, excess, size = {}, {}, None
    for name, rows, errors in zip(folds.names, folds.judged, residuals, strict=True):
        if name == "ratio":
            by_ratio |= _each_ratio(table, rows, errors)
        elif name == "last_third":
            third = _each_ratio(table, rows, errors)
            excess = _each_ratio(table, rows, errors, _excess(table, rows))
        elif name == "largest_size" and rows.any():
            size = rms(errors[rows])
    return HeldOut(
        by_ratio=by_ratio,
        fitted=_each_ratio(table, late_rows(table), about),
        last_third=third,
        per_excess=excess,
        by_size=size,
        coverage=_coverage(folds, residuals, spreads),
    )


def _coverage(folds: Folds, residuals: Floats, spreads: Floats | None) -> float | None:
    if spreads is None or not folds.judged.any():
        return None
    return float(np.mean((np.abs(residuals) <= Z90 * spreads)[folds.judged]))


def _each_ratio(table: Table, rows: Bools, errors: Floats, unit: Floats | None = None) -> dict[float, float]:
    """Root mean square over the rows of each ratio, as a multiple of `unit` where that is given."""
    unit = np.ones(len(table)) if unit is None else unit
    found = {}
    for ratio in distinct_ratios(table.domain_ratio):
        at = rows & at_ratio(table, ratio)
        if at.any():
            found[ratio] = rms(errors[at]) / rms(unit[at])
    return found


def _excess(table: Table, third: Bools) -> Floats:
    """Tokens of each row beyond the largest that its size keeps, over those."""
    kept = np.array([table.tokens[~third & (table.params == n)].max() for n in table.params])
    return np.asarray(table.tokens / kept - 1.0)


def distinct_ratios(ratios: Floats) -> list[float]:
    """Sorted, rounded to three digits."""
    return [float(r) for r in np.unique(np.round(ratios, 3))]


def at_ratio(table: Table, ratio: float) -> Bools:
    """(n,) rows of that domain ratio."""
    return np.asarray(np.isclose(table.domain_ratio, ratio, atol=6e-4))


def rms(errors: Floats) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def last_third(table: Table) -> Bools:
    """(n,) rows beyond two thirds of what their size was trained for."""
    return np.asarray(table.tokens > longest_run(table) * (2 / 3) * (1 + 1e-9))


def enough_tokens(table: Table, third: Bools) -> bool:
    """Whether every size keeps two token counts without its last third."""
    return all(len(np.unique(table.tokens[~third & (table.params == n)])) >= 2 for n in np.unique(table.params))
