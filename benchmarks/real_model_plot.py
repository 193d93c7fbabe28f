"""The curves of the comparison on a real model, as one SVG picture: no browser and no network needed."""

from collections.abc import Callable, Sequence
from html import escape
from statistics import fmean

from benchmarks.real_model_figures import Results

STYLES = {
    "full": ("#1f5fa8", ""),
    "full on nf4": ("#1f5fa8", "6 4"),
    "lora": ("#c4571b", ""),
    "lora on nf4": ("#c4571b", "6 4"),
    "qlora": ("#2f7d4f", "2 3"),
}
"""Colour and dashes by arm: colour is the method, dashes are 4-bit weights."""
WIDTH, HEIGHT, MARGIN, GAP = 380, 260, 52, 28
Scale = Callable[[float], float]
Line = list[tuple[float, float]]


def plot(results: Results) -> str:
    """Validation loss against training tokens, domain on the left: the mean over seeds, and every seed's end."""
    panels = [_panel(results, corpus, MARGIN + i * (WIDTH + MARGIN + GAP)) for i, corpus in enumerate(results.corpora)]
    width, height = 2 * (WIDTH + MARGIN) + 2 * GAP, HEIGHT + 2 * MARGIN + 24
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
    )
    return "\n".join([head, *panels, _legend(height - 14), "</svg>", ""])


def mean_curve(results: Results, arm: str, corpus: str) -> Line:
    """(tokens, validation loss) of an arm, averaged over its seeds, from the model that it starts from."""
    curves = results.curves[arm]
    points = [(c[0].tokens, fmean(m.loss(corpus) for m in c)) for c in zip(*curves, strict=True)]
    start = results.start(arm)
    return [*([(0, start.loss(corpus))] if start else []), *points]


def _panel(results: Results, corpus: str, left: float) -> str:
    lines = {arm: mean_curve(results, arm, corpus) for arm in STYLES if arm in results.curves}
    values = [value for line in lines.values() for _, value in line]
    last = max(tokens for line in lines.values() for tokens, _ in line)
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0

    def x(tokens: float) -> float:
        return left + WIDTH * tokens / last

    def y(loss: float) -> float:
        return MARGIN + HEIGHT * (high + room - loss) / (high - low + 2 * room)

    parts = [_axes(corpus, left, x, y, last, (low, high))]
    for arm, line in lines.items():
        parts.append(_line(line, x, y, arm))
        parts += [_dot(x(c[-1].tokens), y(c[-1].loss(corpus)), arm) for c in results.curves[arm]]
    return "\n".join(parts)


def _line(line: Line, x: Scale, y: Scale, arm: str) -> str:
    colour, dashes = STYLES[arm]
    points = " ".join(f"{x(tokens):.1f},{y(loss):.1f}" for tokens, loss in line)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'


def _dot(x: float, y: float, arm: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{STYLES[arm][0]}" fill-opacity="0.6"/>'


def _axes(corpus: str, left: float, x: Scale, y: Scale, last: float, ends: tuple[float, float]) -> str:
    parts = [
        f'<text x="{left}" y="{MARGIN - 14}" font-size="14">{escape(corpus)}: validation loss, nats a token</text>'
    ]
    for loss in _ticks(*ends):
        parts.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y(loss):.1f}" y2="{y(loss):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.2f}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        label = f"{share * last / 1024:g}k" if share else "0"
        parts.append(f'<text x="{x(share * last):.1f}" y="{MARGIN + HEIGHT + 18}" text-anchor="middle">{label}</text>')
    parts.append(f'<text x="{left + WIDTH / 2}" y="{MARGIN + HEIGHT + 36}" text-anchor="middle">training tokens</text>')
    return "\n".join(parts)


def _ticks(low: float, high: float) -> Sequence[float]:
    """Multiples of a round step between two losses; four to nine of them."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if (high - low) / s <= 8)
    first = -int(-low // step)
    return [step * k for k in range(first, first + 10) if step * k <= high]


def _legend(height: float) -> str:
    parts = []
    for i, (arm, (colour, dashes)) in enumerate(STYLES.items()):
        left = MARGIN + i * 150
        parts.append(
            f'<line x1="{left}" x2="{left + 30}" y1="{height - 4}" y2="{height - 4}" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dashes}"/><text x="{left + 36}" y="{height}">{escape(arm)}</text>'
        )
    return "\n".join(parts)
