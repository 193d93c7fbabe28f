"""Which law predicts, or which average of laws: by what fits said of rows that they had not seen."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.fits.holdout import Folds

_GRID = 21
"""Weights are tried in steps of 1/20: held-out errors tell no finer."""
_FLOOR = 5e-4
"""Errors of log loss far below this are all alike: no run is repeatable to that."""
_CLEARLY = 2.0
"""Standard errors: with some six folds one is passed by luck, and laws so taken erred more on measured grids."""
_SLIGHT = 0.1
"""A weight below this is none."""


@dataclass(frozen=True)
class Choice:
    """Weights of the laws, summing to 1, and why."""

    weights: dict[str, float]
    why: str

    @property
    def law(self) -> str:
        """The law with the largest weight."""
        return max(self.weights, key=lambda name: self.weights[name])


def choose(residuals: Mapping[str, Floats], folds: Folds) -> Choice:
    """Averages laws where that predicts left-out rows better, and takes the first of those that are as good.

    The error of a fold is the logarithm of its judged rows' mean square: a fold that all laws miss widely, as the
    extreme ratios are, decides no more than others. Folds are the units, since the rows of a run depend on each other.
    A law is as good as the best where its folds are worse by less than two standard errors of the difference. A pair is
    averaged only where it beats the law so chosen by more than that.

    Args:
        residuals: Law to (folds, n) errors of log loss on rows left out; the law to prefer comes first.
        folds: The folds.
    """
    errors = {name: _fold_errors(each, folds) for name, each in residuals.items()}
    first = next(iter(errors))
    if len(errors) == 1:
        return Choice({first: 1.0}, f"{first} is the only law fitted.")
    if len(folds) < 2:
        return Choice({first: 1.0}, f"{first}: too few ratios and token counts to leave any out and compare laws.")
    means = {name: float(np.mean(each)) for name, each in errors.items()}
    best = min(means, key=lambda name: means[name])
    chosen = next(name for name in errors if not _clearly_above(errors[name], errors[best]))
    pair = _best_pair(residuals, folds)
    if pair is not None and _clearly_above(errors[chosen], pair[1]):
        return Choice(pair[0], _words_of_average(pair[0], pair[1], means))
    return Choice({chosen: 1.0}, _words(chosen, best, means))


def _fold_errors(residuals: Floats, folds: Folds) -> Floats:
    """(folds,) logarithms of mean square errors."""
    squares = [float(np.mean(e[rows] ** 2)) for e, rows in zip(residuals, folds.judged, strict=True)]
    return np.log(np.array(squares) + _FLOOR**2)


def _clearly_above(errors: Floats, others: Floats) -> bool:
    """Whether errors exceed others by more than two standard errors over folds of their difference."""
    difference = errors - others
    spread = float(np.std(difference, ddof=1)) / np.sqrt(len(difference))
    return bool(np.mean(difference) > _CLEARLY * spread)


def _best_pair(residuals: Mapping[str, Floats], folds: Folds) -> tuple[dict[str, float], Floats] | None:
    """The best average of two laws and its (folds,) errors."""
    names, found = list(residuals), []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            for weight in np.linspace(0.0, 1.0, _GRID)[1:-1]:
                if min(weight, 1 - weight) < _SLIGHT:
                    continue
                errors = _fold_errors(weight * residuals[first] + (1 - weight) * residuals[second], folds)
                found.append(({first: float(weight), second: float(1 - weight)}, errors))
    return min(found, key=lambda pair: float(np.mean(pair[1])), default=None)


def _words(chosen: str, best: str, means: Mapping[str, float]) -> str:
    off = ", ".join(f"{name} {np.exp(0.5 * mean):.2%}" for name, mean in means.items())
    reason = "least" if chosen == best else f"preferred, {best} being better by less than two standard errors"
    return f"{chosen}: on rows left out laws were off by {off}; {chosen} is {reason}."


def _words_of_average(weights: Mapping[str, float], errors: Floats, means: Mapping[str, float]) -> str:
    off = ", ".join(f"{name} {np.exp(0.5 * mean):.2%}" for name, mean in means.items())
    mixed = ", ".join(f"{name} {weight:.0%}" for name, weight in weights.items())
    return f"An average ({mixed}): on rows left out it was off by {np.exp(0.5 * np.mean(errors)):.2%}, laws by {off}."
