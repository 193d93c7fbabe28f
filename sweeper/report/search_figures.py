"""The search as two plots: objective against learning rate, and the best so far."""

import math
from collections.abc import Sequence
from html import escape

from sweeper.report.colours import ACCENTS, METHODS, ratio_scale
from sweeper.report.data import SearchPoint
from sweeper.report.figures import Figure, axis

_SYMBOLS = {"full": "circle", "lora": "square", "qlora": "diamond"}
_OBJECTIVE = "objective, nats/token (lower is better)"


def learning_rate_figure(points: Sequence[SearchPoint]) -> Figure:
    """Shape is the method, colour the ratio, hollow is pruned."""
    methods = sorted({p.method for p in points})
    traces = [
        _group(method, pruned, [p for p in points if p.method == method and p.pruned == pruned])
        for method in methods
        for pruned in (False, True)
    ]
    colours = {
        "colorscale": ratio_scale(),
        "cmin": 0,
        "cmax": 1,
        "colorbar": {"title": {"text": "domain ratio", "side": "right"}, "thickness": 10, "outlinewidth": 0},
    }
    layout = {
        "xaxis": axis("learning rate", type="log", dtick="D2", tickformat=".0e"),
        "yaxis": axis(_OBJECTIVE),
        "coloraxis": colours,
    }
    shown = [trace for trace in traces if trace["x"]]
    return {"data": [*shown, *(_legend_entry(trace) for trace in shown)], "layout": layout}


def progress_figure(points: Sequence[SearchPoint]) -> Figure:
    """Objectives in the order of the trials, and the best finished one so far."""
    order = list(range(1, len(points) + 1))
    traces: list[dict[str, object]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": order,
            "y": _best_so_far(points),
            "line": {"shape": "hv", "color": "#12a37a", "width": 2},
            "hovertemplate": "best after trial %{x}: %{y:.4f}<extra></extra>",
        }
    ]
    for method in sorted({p.method for p in points}):
        chosen = [(i, p) for i, p in zip(order, points, strict=True) if p.method == method]
        traces.append(_in_order(method, chosen))
    return {"data": traces, "layout": {"xaxis": axis("trial", dtick=_tick(len(points))), "yaxis": axis(_OBJECTIVE)}}


def _best_so_far(points: Sequence[SearchPoint]) -> list[float]:
    best, line = math.nan, []
    for p in points:
        if not p.pruned and math.isfinite(p.objective):
            best = p.objective if math.isnan(best) else min(best, p.objective)
        line.append(best)
    return line


def _group(method: str, pruned: bool, points: Sequence[SearchPoint]) -> Figure:
    symbol = _SYMBOLS.get(method, "circle") + ("-open" if pruned else "")
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(f"{method}, pruned" if pruned else method),
        "x": [p.learning_rate for p in points],
        "y": [p.objective for p in points],
        "text": [_hover(p) for p in points],
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
        "marker": {
            "symbol": symbol,
            "size": 11,
            "color": [p.domain_ratio for p in points],
            "coloraxis": "coloraxis",
            "line": {"width": 2 if pruned else 0.5},
        },
    }


def _legend_entry(group: Figure) -> Figure:
    """A grey mark for the legend: those of coloured groups would be black, on a dark page too."""
    marker = {"symbol": group["marker"]["symbol"], "size": 11, "color": ACCENTS["muted"]}
    return {"type": "scatter", "mode": "markers", "name": group["name"], "x": [None], "y": [None], "marker": marker}


def _in_order(method: str, chosen: Sequence[tuple[int, SearchPoint]]) -> dict[str, object]:
    symbol = _SYMBOLS.get(method, "circle")
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(method),
        "x": [i for i, _ in chosen],
        "y": [p.objective for _, p in chosen],
        "text": [_hover(p) for _, p in chosen],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": [symbol + ("-open" if p.pruned else "") for _, p in chosen],
            "size": 10,
            "color": METHODS.get(method, "#8a94a6"),
        },
    }


def _hover(point: SearchPoint) -> str:
    rank = "" if point.lora_r is None else f", r={point.lora_r}"
    state = ", pruned" if point.pruned else ""
    return escape(
        f"{point.trial}: {point.method}{rank}, lr {point.learning_rate:.2e}, ratio {point.domain_ratio:.2f}, "
        f"objective {point.objective:.4f}{state}"
    )


def _tick(n: int) -> int:
    return max(1, round(n / 10))
