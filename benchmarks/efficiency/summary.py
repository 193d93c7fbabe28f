"""What the curves of all strategies on all problems come to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.efficiency.curves import BUDGETS

GOAL = 0.01
"""Regret of a recommendation that is good enough."""
Curves = Mapping[str, NDArray[np.float64]]
"""(seeds, budgets) regrets by strategy, the seeds in one order."""


def share_of_grid(regrets: NDArray[np.float64]) -> float | None:
    """The least of the budgets from which on the median regret is within the goal; None where there is none."""
    good = np.median(regrets, axis=0) <= GOAL
    stays = np.logical_and.accumulate(good[::-1])[::-1]
    return float(BUDGETS[int(stays.argmax())]) if stays.any() else None


def middle_share(shares: list[float | None]) -> float | None:
    """The median over problems; a problem that is never solved counts as more than the grid."""
    middle = float(np.median([np.inf if share is None else share for share in shares]))
    return middle if np.isfinite(middle) else None


def worse_cells(curves: Curves, ours: str, errors: float = 1.0) -> list[float]:
    """Budgets at which ours is worse than the best other one by more than so many standard errors.

    The best other one has the lowest mean regret at that budget; differences are taken seed by seed.
    """
    others = [name for name in curves if name != ours]
    found = []
    for i, budget in enumerate(BUDGETS):
        best = min(others, key=lambda name: float(curves[name][:, i].mean()))
        difference = curves[ours][:, i] - curves[best][:, i]
        error = float(difference.std(ddof=1)) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0
        if difference.mean() > errors * error:
            found.append(budget)
    return found


def quartiles(regrets: NDArray[np.float64]) -> dict[str, list[float]]:
    """Lower quartile, median and upper quartile by budget, and the mean."""
    low, middle, high = np.quantile(regrets, [0.25, 0.5, 0.75], axis=0)
    named = {"q25": low, "median": middle, "q75": high, "mean": regrets.mean(axis=0)}
    return {name: [round(float(v), 6) for v in values] for name, values in named.items()}


def summarised(results: Mapping[str, Curves], ours: str) -> dict[str, Any]:
    """The last line: shares by strategy, and where ours loses, if ours is there.

    Args:
        results: Curves by problem.
        ours: Its name among the strategies.
    """
    names = list(dict.fromkeys(name for curves in results.values() for name in curves))
    shares = {n: {p: share_of_grid(c[n]) for p, c in results.items() if n in c} for n in names}
    middles = {name: middle_share(list(found.values())) for name, found in shares.items()}
    line: dict[str, Any] = {"benchmark": "search_efficiency", "problems": len(results), "shares": shares}
    line["peers"] = {name: share for name, share in middles.items() if name != ours}
    if ours in names:
        line["cells"] = len(results) * len(BUDGETS)
        for errors in (1.0, 2.0):
            cells = {p: found for p, c in results.items() if (found := worse_cells(c, ours, errors))}
            line[f"worse_by_{errors:g}_errors"] = sum(map(len, cells.values()))
            line[f"worse_by_{errors:g}_errors_where"] = cells
        line["token_share_of_grid"] = middles[ours]
    return line
