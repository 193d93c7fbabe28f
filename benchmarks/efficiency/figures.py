"""Pictures and tables of the comparison."""

from collections.abc import Mapping

import numpy as np

from benchmarks.efficiency.curves import BUDGETS
from benchmarks.efficiency.summary import GOAL, Curves
from benchmarks.svg_chart import Mark, Panel, svg

_COLOURS = {
    "ours": "#d62728",
    "grid": "#7f7f7f",
    "random": "#bcbd22",
    "optuna_asha": "#1f77b4",
    "hyperband": "#2ca02c",
    "dcpt_design": "#9467bd",
}
_TOP = 10.0
"""Per cent of regret that a panel shows."""


def picture(results: Mapping[str, Curves]) -> str:
    """One panel a problem: median regret in per cent by share of the grid's tokens, the quartiles of ours as a band."""
    return svg([_panel(name, curves) for name, curves in results.items()], columns=3)


def _panel(name: str, curves: Curves) -> Panel:
    marks = [Mark(BUDGETS, [100 * GOAL] * len(BUDGETS), "#999", label="goal", dashes="3 3")]
    for strategy, regrets in curves.items():
        low, middle, high = 100 * np.quantile(regrets, [0.25, 0.5, 0.75], axis=0)
        colour = _COLOURS.get(strategy, "#000")
        if strategy == "ours":
            marks.append(Mark(BUDGETS, high, colour, kind="band", low=low))
        marks.append(Mark(BUDGETS, middle, colour, label=strategy))
    highest = max(float(np.median(regrets, axis=0)[1]) for regrets in curves.values())
    top = float(np.clip(120 * highest, 2.0, _TOP))
    return Panel(name, "share of the grid's tokens", marks, log_x=True, y_range=(0.0, top))


def text(results: Mapping[str, Curves]) -> str:
    """Median regret in per cent: problems and strategies down, budgets across."""
    lines = [f"{'median regret, % of the optimum':34s}" + "".join(f"{100 * b:7.0f}%" for b in BUDGETS)]
    for name, curves in results.items():
        for strategy, regrets in curves.items():
            middle = 100 * np.median(regrets, axis=0)
            lines.append(f"{name:20s}{strategy:14s}" + "".join(f"{value:8.2f}" for value in middle))
    return "\n".join(lines)
