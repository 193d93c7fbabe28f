"""Panels from the columns of the table of measurements and a law's predictions."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sweeper.report.data import Curve, Limit, Mark, Panel

Columns = Mapping[str, Sequence[Any]]
Row = dict[str, Any]
GRID = 60
"""Points of a drawn law."""


class Predicted(Protocol):
    """Losses with their interval, one a question."""

    @property
    def loss(self) -> Iterable[float]:
        """Nats a token."""

    @property
    def low(self) -> Iterable[float]:
        """Lower end of the interval."""

    @property
    def high(self) -> Iterable[float]:
        """Upper end of the interval."""


class Predict(Protocol):
    """The laws' predictions."""

    def __call__(
        self, corpus: str, *, tokens: Sequence[float], params: float, domain_ratio: Sequence[float]
    ) -> Predicted | None:
        """Losses of a corpus at points given by equally long sequences; None where it has no law."""


def token_panels(columns: Columns, predict: Predict | None, *, method: str, to_tokens: float) -> tuple[Panel, ...]:
    """Loss against tokens, a panel for each corpus and base model, a curve for each ratio.

    Args:
        columns: Of the table of measurements.
        predict: The laws; None draws the measured points only.
        method: Whose law trials are shown.
        to_tokens: How far the laws are drawn.
    """
    rows = _law_rows(columns, method)
    bases = _base_losses(columns, method)
    groups = sorted({(r["corpus"], r["params"], r["base_model"]) for r in rows}, key=lambda g: (g[0], g[1]))
    return tuple(
        Panel(
            title=f"{corpus} · {model} ({params / 1e6:.3g} M parameters)",
            x_label="training tokens",
            y_label="loss, nats/token",
            curves=tuple(_token_curves(own, predict, to_tokens)),
            limits=tuple(
                Limit(loss, "base model", tone="muted") for loss in (bases.get((corpus, model)),) if loss is not None
            ),
        )
        for corpus, params, model in groups
        for own in [[r for r in rows if (r["corpus"], r["params"], r["base_model"]) == (corpus, params, model)]]
    )


def ratio_panels(
    columns: Columns,
    predict: Predict,
    *,
    method: str,
    params: float,
    tokens: float,
    recommended: float | None = None,
    limits: Mapping[str, float] | None = None,
    confirmed: Mapping[str, float] | None = None,
) -> tuple[Panel, ...]:
    """Loss against the domain ratio for one base model, a panel a corpus.

    Args:
        columns: Of the table of measurements.
        predict: The laws.
        method: Whose law trials are shown.
        params: Size of the base model.
        tokens: For which the laws are drawn.
        recommended: The recommended ratio.
        limits: Loss that a corpus must not exceed, by corpus.
        confirmed: Loss that the confirming run measured, by corpus.
    """
    rows = [r for r in _law_rows(columns, method) if r["params"] == params]
    panels = []
    for corpus in dict.fromkeys(r["corpus"] for r in rows):
        own = [r for r in rows if r["corpus"] == corpus]
        panels.append(
            Panel(
                title=f"{corpus}, after {_short(tokens)} tokens",
                x_label="domain ratio (share of training tokens)",
                y_label="loss, nats/token",
                curves=tuple(_ratio_curves(own, predict, tokens)),
                limits=tuple(_ratio_limits(corpus, recommended, limits or {})),
                marks=tuple(_marks(corpus, predict, params, tokens, recommended, confirmed or {})),
                x_range=(-0.03, 1.03),
            )
        )
    return tuple(panels)


def _law_rows(columns: Columns, method: str) -> list[Row]:
    return [
        r
        for r in _rows(columns)
        if (r["role"], r["split"], r["method"]) == ("law", "valid", method) and r["tokens"] > 0
    ]


def _base_losses(columns: Columns, method: str) -> dict[tuple[str, str], float]:
    """Untrained losses as the method sees them, by corpus and base model."""
    view = "qlora" if method == "qlora" else "full"
    return {
        (r["corpus"], r["base_model"]): r["loss"]
        for r in _rows(columns)
        if (r["role"], r["split"], r["method"]) == ("base", "valid", view)
    }


def _rows(columns: Columns) -> Iterator[Row]:
    return (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _token_curves(rows: Sequence[Row], predict: Predict | None, to_tokens: float) -> Iterator[Curve]:
    for ratio in sorted({r["domain_ratio"] for r in rows}):
        own = sorted((r for r in rows if r["domain_ratio"] == ratio), key=lambda r: r["tokens"])
        name = f"ratio {ratio:g}"
        x = tuple(float(r["tokens"]) for r in own)
        yield Curve(name, x, tuple(r["loss"] for r in own), "points", ratio=ratio)
        if predict is not None:
            grid = _spread(to_tokens / 200, max(to_tokens, x[-1]))
            found = predict(own[0]["corpus"], tokens=grid, params=own[0]["params"], domain_ratio=[ratio] * GRID)
            if found is not None:
                yield _law_curve(name, grid, found, ratio=ratio)


def _ratio_curves(rows: Sequence[Row], predict: Predict, tokens: float) -> Iterator[Curve]:
    corpus, params = rows[0]["corpus"], rows[0]["params"]
    last = [max((r for r in rows if r["trial"] == t), key=lambda r: r["tokens"]) for t in _trials(rows)]
    measured_at = max(r["tokens"] for r in last)
    grid = _spread(min(r["domain_ratio"] for r in rows), max(r["domain_ratio"] for r in rows))
    law = predict(corpus, tokens=[tokens] * GRID, params=params, domain_ratio=grid)
    if law is not None:
        yield _law_curve("law", grid, law)
    if law is not None and not math.isclose(measured_at, tokens, rel_tol=0.02):
        found = predict(corpus, tokens=[measured_at] * GRID, params=params, domain_ratio=grid)
        assert found is not None
        name = f"law at {_short(measured_at)} tokens"
        yield Curve(name, tuple(grid), tuple(map(float, found.loss)), "line", accent="muted", dashed=True)
    x, y = tuple(r["domain_ratio"] for r in last), tuple(r["loss"] for r in last)
    yield Curve(f"measured at {_short(measured_at)} tokens", x, y, "points", accent="muted")


def _ratio_limits(corpus: str, recommended: float | None, limits: Mapping[str, float]) -> Iterator[Limit]:
    if corpus in limits:
        yield Limit(limits[corpus], "constraint: stay below", tone="bad")
    if recommended is not None:
        yield Limit(recommended, f"recommended {recommended:.2f}", axis="x", tone="accent")


def _marks(
    corpus: str,
    predict: Predict,
    params: float,
    tokens: float,
    recommended: float | None,
    confirmed: Mapping[str, float],
) -> Iterator[Mark]:
    if recommended is None:
        return
    found = predict(corpus, tokens=[tokens], params=params, domain_ratio=[recommended])
    if found is not None:
        [loss] = found.loss
        yield Mark(recommended, float(loss), "predicted", "star")
    if corpus in confirmed:
        yield Mark(recommended, confirmed[corpus], "confirming run", "diamond")


def _law_curve(name: str, grid: Sequence[float], found: Predicted, ratio: float | None = None) -> Curve:
    loss, low, high = (tuple(map(float, values)) for values in (found.loss, found.low, found.high))
    return Curve(name, tuple(grid), loss, "line", low=low, high=high, ratio=ratio)


def _trials(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(r["trial"] for r in rows))


def _spread(low: float, high: float) -> list[float]:
    return [low + (high - low) * i / (GRID - 1) for i in range(GRID)]


def _short(tokens: float) -> str:
    return f"{tokens / 1e6:.3g} M" if tokens >= 1e6 else f"{tokens / 1e3:.3g} k"
