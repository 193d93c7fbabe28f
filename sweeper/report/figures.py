"""Panels as plotly figures: plain dictionaries for plotly.js, without the Python plotly objects (slow to import)."""

import math
from html import escape
from typing import Any

from sweeper.report.colours import ACCENTS, RECOMMENDED, TONES, ratio_colour, with_opacity
from sweeper.report.data import Curve, Limit, Mark, Panel

Figure = dict[str, Any]
BAND_ROOM = 0.25
"""How far bands may widen a panel at each end, as a share of what it shows else."""


def panel_figure(panel: Panel) -> Figure:
    """Bands beneath, then lines, points and marks; a curve's band and points share its legend entry."""
    lines = [c for c in panel.curves if c.kind == "line"]
    points = [c for c in panel.curves if c.kind == "points"]
    named: set[str] = set()
    traces = [_band(c) for c in lines if c.low and c.high]
    for curve in (*lines, *points):
        traces.append(_trace(curve, show=curve.name not in named))
        named.add(curve.name)
    traces += [_mark(m) for m in panel.marks]
    return {"data": traces, "layout": _layout(panel)}


def axis(label: str, **more: object) -> dict[str, object]:
    """An axis with its title; the text may come from a user's file, and plotly reads some HTML in it."""
    return {"title": {"text": escape(label), "standoff": 8}, "automargin": True, "zeroline": False, **more}


def _colour(curve: Curve, opacity: float = 1.0) -> str:
    if curve.ratio is not None:
        return ratio_colour(curve.ratio, opacity)
    return with_opacity(ACCENTS[curve.accent], opacity)


def _band(curve: Curve) -> dict[str, object]:
    return {
        "type": "scatter",
        "x": [*curve.x, *reversed(curve.x)],
        "y": [*curve.high, *reversed(curve.low)],
        "fill": "toself",
        "fillcolor": _colour(curve, 0.13),
        "line": {"width": 0},
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": escape(curve.name),
    }


def _trace(curve: Curve, *, show: bool) -> dict[str, object]:
    name = escape(curve.name)
    trace: dict[str, object] = {
        "type": "scatter",
        "x": list(curve.x),
        "y": list(curve.y),
        "name": name,
        "legendgroup": name,
        "showlegend": show,
        "hovertemplate": f"{name}<br>%{{x:,.4~g}}: %{{y:.4f}}<extra></extra>",
    }
    if curve.kind == "line":
        dash = "dash" if curve.dashed else "solid"
        return trace | {"mode": "lines", "line": {"color": _colour(curve), "width": 2, "dash": dash}}
    marker = {"color": _colour(curve), "size": 7, "line": {"width": 1, "color": "rgba(255,255,255,.7)"}}
    if curve.errors:
        trace["error_y"] = {"type": "data", "array": list(curve.errors), "thickness": 1, "width": 2}
    return trace | {"mode": "markers", "marker": marker}


def _mark(mark: Mark) -> dict[str, object]:
    colour = RECOMMENDED if mark.symbol == "star" else ACCENTS["measured"]
    return {
        "type": "scatter",
        "x": [mark.x],
        "y": [mark.y],
        "mode": "markers",
        "name": escape(mark.label),
        "marker": {
            "symbol": mark.symbol,
            "size": 16 if mark.symbol == "star" else 12,
            "color": colour,
            "line": {"width": 1.5, "color": "white"},
        },
        "hovertemplate": f"{escape(mark.label)}<br>%{{x:,.4~g}}: %{{y:.4f}}<extra></extra>",
    }


def _layout(panel: Panel) -> dict[str, object]:
    extent = {"range": list(panel.x_range)} if panel.x_range else {"rangemode": "tozero"}
    return {
        "xaxis": axis(panel.x_label, **extent),
        "yaxis": axis(panel.y_label, hoverformat=".4f", **_y_extent(panel)),
        "shapes": [_limit_shape(limit) for limit in panel.limits],
        "annotations": [_limit_label(limit) for limit in panel.limits],
    }


def _y_extent(panel: Panel) -> dict[str, object]:
    """All curves, limits and marks, and of the bands what fits: a wide one must not flatten everything else."""
    solid = [y for c in panel.curves for y in c.y] + [m.y for m in panel.marks]
    solid += [limit.value for limit in panel.limits if limit.axis == "y"]
    known = [y for y in solid if math.isfinite(y)]
    if not known:
        return {}
    low, high = min(known), max(known)
    room = max((high - low) * BAND_ROOM, 1e-3)
    bands = [y for c in panel.curves for y in (*c.low, *c.high) if low - room <= y <= high + room]
    margin = (high - low + room) * 0.04
    return {"range": [min([low, *bands]) - margin, max([high, *bands]) + margin]}


def _limit_shape(limit: Limit) -> dict[str, object]:
    line = {"color": TONES[limit.tone], "width": 1.6, "dash": "dash" if limit.tone == "bad" else "dot"}
    if limit.axis == "y":
        return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": limit.value, "y1": limit.value, "line": line}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": limit.value, "x1": limit.value, "line": line}


def _limit_label(limit: Limit) -> dict[str, object]:
    common = {"text": escape(limit.label), "showarrow": False, "font": {"color": TONES[limit.tone], "size": 11}}
    if limit.axis == "y":
        return common | {"xref": "paper", "x": 0.01, "xanchor": "left", "y": limit.value, "yanchor": "bottom"}
    return common | {"yref": "paper", "y": 1.0, "yanchor": "top", "x": limit.value, "xanchor": "left", "xshift": 4}
