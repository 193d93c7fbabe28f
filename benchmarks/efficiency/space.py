"""A problem's settings as a search space for Optuna: how a trial is asked, and which setting its answer means."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.efficiency.problem import Axis, Runs, Setting, TableProblem


class Asked(Protocol):
    """What a search space needs of an Optuna trial."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number between two."""


class Space:
    """Conditional as the settings are: categories first, then the numbers that settings of these categories have.

    Numbers are drawn from their whole range, which may differ by category, and the setting nearest to them (in the log
    of log axes, over the range) is the one that is meant. Shares on a simplex are drawn as Optuna's documentation has
    it: -log of uniform numbers, over their sum.

    A setting is meant once: a proposal that falls on one that was tried goes to the nearest that was not. Once all were
    tried, those whose runs are not whole may be meant again.
    """

    def __init__(self, problem: TableProblem) -> None:
        self._problem = problem
        self._categories = [axis for axis in problem.axes if axis.kind == "category"]
        self._numbers = [axis for axis in problem.axes if axis.kind != "category"]
        # (settings, number axes), scaled; nan where an axis does not apply.
        self._points = np.array([[_scaled(axis, setting) for axis in self._numbers] for setting in problem.settings])
        self._left = set(range(len(problem.settings)))

    def ask(self, trial: Asked) -> None:
        """Suggest whatever the setting needs; usable as Ray's define-by-run function."""
        if self._problem.simplex:
            for axis in self._numbers:
                trial.suggest_float(axis.name, 1e-9, 1.0)
            return
        chosen: dict[str, Any] = {}
        for axis in self._categories:
            applies = [s for i, s in enumerate(self._problem.settings) if self._agrees(i, chosen) and axis.name in s]
            if applies:
                choices = sorted({s[axis.name] for s in applies}, key=str)
                chosen[axis.name] = trial.suggest_categorical(axis.name, choices)
        left = [s for i, s in enumerate(self._problem.settings) if self._agrees(i, chosen)]
        for axis in self._numbers:
            values = [float(s[axis.name]) for s in left if axis.name in s]
            if values:
                name = _name(axis, chosen, min(values), max(values))
                trial.suggest_float(name, min(values), max(values), log=axis.kind == "log")

    def take(self, params: Mapping[str, Any], runs: Runs) -> int:
        """The setting that a trial's parameters mean, as an index; it counts as tried from now on."""
        everything = range(len(self._problem.settings))
        self._left = self._left or {i for i in everything if not runs.finished(i)} or set(everything)
        chosen = {axis.name: params[axis.name] for axis in self._categories if axis.name in params}
        agree = [i for i in sorted(self._left) if self._agrees(i, chosen)] or sorted(self._left)
        plain = {name.split("|")[0]: value for name, value in params.items() if name not in chosen}
        if self._problem.simplex:
            plain = _on_simplex(plain)
        point = np.array([_scaled(axis, plain) for axis in self._numbers])
        found = agree[int(np.nansum((self._points[agree] - point) ** 2, axis=1).argmin())]
        self._left.remove(found)
        return found

    def _agrees(self, setting: int, chosen: Mapping[str, Any]) -> bool:
        return all(self._problem.settings[setting].get(name) == value for name, value in chosen.items())


def _name(axis: Axis, chosen: Mapping[str, Any], low: float, high: float) -> str:
    """A parameter of its own where categories give an axis a range of its own, as Optuna asks for."""
    whole = (low, high) == (min(axis.values), max(axis.values))
    return axis.name if whole else "|".join([axis.name, *map(str, chosen.values())])


def _scaled(axis: Axis, values: Setting) -> float:
    """A value's place on its axis from 0 to 1, or nan."""
    if axis.name not in values:
        return float("nan")
    value, low, high = (float(v) for v in (values[axis.name], min(axis.values), max(axis.values)))
    if axis.kind == "log":
        value, low, high = (float(np.log(v)) for v in (value, low, high))
    return (value - low) / (high - low)


def _on_simplex(values: Mapping[str, float]) -> dict[str, float]:
    drawn: NDArray[np.float64] = -np.log(np.array(list(values.values())))
    return dict(zip(values, (drawn / drawn.sum()).tolist(), strict=True))
