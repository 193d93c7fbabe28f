"""Small line charts as SVG text: no browser and no network needed, so that pictures can be committed."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 330, 210, 58, 34, 44, 14
_ROOM, _X_ROOM = 0.05, 0.015
_STEPS = tuple(k * 10.0**e for e in range(-6, 13) for k in (1, 2, 5))
_SUFFIXES = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Mark:
    """A line, dots or a band: `low` is None but for a band, which lies between `low` and `y`."""

    x: ArrayLike
    y: ArrayLike
    colour: str
    kind: str = "line"
    """`line`, `dots` or `band`."""
    label: str = ""
    dashes: str = ""
    low: ArrayLike | None = None


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x_title: str
    marks: Sequence[Mark]
    log_x: bool = False
    y_range: tuple[float, float] | None = None
    """All of the marks where it is None."""


Scale = Callable[[float], float]


def svg(panels: Sequence[Panel], columns: int) -> str:
    """Panels in rows of so many columns, and a legend of the labels."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    wide, high = LEFT + WIDTH + GAP, TOP + HEIGHT + BOTTOM
    legend, tall = _legend([mark for panel in panels for mark in panel.marks], rows * high + 8, columns * wide)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * wide} {tall}" width="{columns * wide}" '
        f'height="{tall}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
    ]
    for i, panel in enumerate(panels):
        left, top = i % columns * wide + LEFT, i // columns * high + TOP
        parts.append(f'<g transform="translate({left},{top})">{_panel(panel, i)}</g>')
    return "\n".join([*parts, legend, "</svg>", ""])


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Multiples of the least round step that are at most so many between two numbers."""
    step = next(step for step in _STEPS if (high - low) / step <= most)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten; powers of ten alone where that is more than eight."""
    many = [tick for tick in _STEPS if low <= tick <= high]
    return many if len(many) <= 8 else [tick for tick in many if math.isclose(math.log10(tick) % 1, 0, abs_tol=1e-9)]


def number(value: float) -> str:
    """Short text, large numbers with a suffix."""
    for unit, suffix in _SUFFIXES:
        if abs(value) >= unit:
            return f"{value / unit:g}{suffix}"
    return f"{round(value, 9):g}"


def _panel(panel: Panel, index: int) -> str:
    (x0, x1), (y0, y1) = _x_range(panel), panel.y_range or _y_range(panel)
    at: Scale = math.log if panel.log_x else float

    def x(value: float) -> float:
        return WIDTH * (_X_ROOM + (1 - 2 * _X_ROOM) * (at(value) - at(x0)) / (at(x1) - at(x0)))

    def y(value: float) -> float:
        return HEIGHT * (y1 - value) / (y1 - y0)

    shown = "".join(_mark(mark, x, y) for mark in panel.marks)
    return (
        f'<clipPath id="c{index}"><rect width="{WIDTH}" height="{HEIGHT}"/></clipPath>'
        f'<text y="-12" font-size="12">{escape(panel.title)}</text>'
        f'{_grid(panel, x, y, (x0, x1), (y0, y1))}<g clip-path="url(#c{index})">{shown}</g>'
    )


def _x_range(panel: Panel) -> tuple[float, float]:
    values = np.concatenate([np.ravel(mark.x) for mark in panel.marks])
    return float(values.min()), float(values.max())


def _y_range(panel: Panel) -> tuple[float, float]:
    each = [np.ravel(v) for mark in panel.marks for v in (mark.y, mark.low) if v is not None]
    low, high = float(np.min(np.concatenate(each))), float(np.max(np.concatenate(each)))
    room = _ROOM * (high - low) or 1.0
    return low - room, high + room


def _grid(panel: Panel, x: Scale, y: Scale, xs: tuple[float, float], ys: tuple[float, float]) -> str:
    parts = []
    for value in ticks(*ys):
        parts.append(f'<path d="M0 {y(value):.1f}H{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="-5" y="{y(value) + 4:.1f}" text-anchor="end">{number(value)}</text>')
    for value in log_ticks(*xs) if panel.log_x else ticks(*xs):
        parts.append(f'<path d="M{x(value):.1f} {HEIGHT}v4" stroke="#888"/>')
        parts.append(f'<text x="{x(value):.1f}" y="{HEIGHT + 16}" text-anchor="middle">{number(value)}</text>')
    title = f'<text x="{WIDTH / 2}" y="{HEIGHT + 32}" text-anchor="middle">{escape(panel.x_title)}</text>'
    return f'{"".join(parts)}<path d="M0 {HEIGHT}H{WIDTH}" stroke="#888"/>{title}'


def _mark(mark: Mark, x: Scale, y: Scale) -> str:
    xs, ys = np.ravel(mark.x), np.ravel(mark.y)
    if mark.kind == "dots":
        return "".join(
            f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="2" fill="{mark.colour}"/>' for a, b in zip(xs, ys, strict=True)
        )
    if mark.kind == "band":
        lows = np.ravel(mark.low if mark.low is not None else ys)
        outline = _points([*xs, *xs[::-1]], [*ys, *lows[::-1]], x, y)
        return f'<polygon points="{outline}" fill="{mark.colour}" fill-opacity="0.15"/>'
    dashes = f' stroke-dasharray="{mark.dashes}"' if mark.dashes else ""
    return f'<polyline points="{_points(xs, ys, x, y)}" fill="none" stroke="{mark.colour}" stroke-width="1.5"{dashes}/>'


def _points(xs: Iterable[float], ys: Iterable[float], x: Scale, y: Scale) -> str:
    return " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in zip(xs, ys, strict=True))


def _legend(marks: Sequence[Mark], top: float, width: float) -> tuple[str, float]:
    """The labels, each once, and the height below them."""
    parts, left = [], float(LEFT)
    for label, mark in {mark.label: mark for mark in marks if mark.label}.items():
        length = 34 + 6.2 * len(label)
        if left + length > width:
            left, top = float(LEFT), top + 16
        dashes = f' stroke-dasharray="{mark.dashes}"' if mark.dashes else ""
        sign = (
            f'<circle cx="{left + 9}" cy="{top}" r="2" fill="{mark.colour}"/>'
            if mark.kind == "dots"
            else f'<path d="M{left} {top}h18" stroke="{mark.colour}" stroke-width="2"{dashes}/>'
        )
        parts.append(f'{sign}<text x="{left + 22}" y="{top + 4}">{escape(label)}</text>')
        left += length
    return "".join(parts), top + 14
