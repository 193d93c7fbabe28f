"""Pictures of laws on tables of real continual pre-training curves."""

from collections.abc import Callable

import numpy as np

from benchmarks.laws_held_out_rows import RATIO, folds_of, predicted_rows
from benchmarks.svg_chart import Mark, Panel, svg
from sweeper.laws import LawSet, Table, fit, recommend_tradeoff
from sweeper.laws.fits.holdout import distinct_ratios

COLOURS = ("#1f5fa8", "#3f9bb5", "#2f7d4f", "#9a9a20", "#c4571b", "#8a2b4f", "#555555", "#000000")
LAWS = ("anchored", "dcpt")
_FINE = 20
_BOOTSTRAP = 100
_INCREASE = 0.03
_FROM = 0.08
"""Curves are drawn from this part of the tokens on: D-CPT goes to infinity at none."""


def forecasts(table: Table) -> str:
    """Losses over tokens by ratio up to twice the tokens fitted: general on top, the anchored law on the left.

    The table's first general corpus and its target, at its largest size. Runs without any text of the corpus are left
    out: they are far from the others and would hide them.
    """
    beyond = folds_of(table)[-1]
    seen = table.rows(~beyond.left_out)
    fits = {law: fit(seen, law=law, bootstrap=_BOOTSTRAP) for law in LAWS}
    table = table.rows((table.tokens <= beyond.reach(table)) & (table.share > 0))
    panels = []
    for corpus in shown_corpora(table):
        measured, until = _measured(table, corpus), float(_measured(seen, corpus).tokens.max())
        room = 0.1 * float(np.ptp(measured.loss))
        span = (float(measured.loss.min()) - room, float(measured.loss.max()) + room)
        for law in LAWS:
            marks = _curves(fits[law], corpus, table, until, span)
            panels.append(Panel(f"{corpus}: loss, nats; {law} law", "training tokens", marks, y_range=span))
    return svg(panels, len(LAWS))


def residuals(table: Table) -> str:
    """Errors at every ratio between the extremes by fits to the other ratios, over tokens; both laws on one scale."""
    folds = [fold for fold in folds_of(table) if fold.name == RATIO]
    marks: dict[tuple[str, str], list[Mark]] = {(c, law): [] for c in shown_corpora(table) for law in LAWS}
    for fold in folds:
        for law in LAWS:
            laws = fit(table.rows(~fold.left_out), law=law, bootstrap=0)
            for corpus in shown_corpora(table):
                rows = _measured(table.rows(fold.left_out), corpus)
                marks[corpus, law].append(_residual(laws, table, corpus, rows))
    panels = []
    for corpus in shown_corpora(table):
        largest = max(float(np.abs(mark.y).max()) for law in LAWS for mark in marks[corpus, law])
        for law in LAWS:
            shown = [*marks[corpus, law], _level(_measured(table, corpus).tokens, 0.0)]
            title = f"{corpus}: error at left-out ratios, nats; {law} law"
            panels.append(Panel(title, "training tokens", shown, y_range=(-1.1 * largest, 1.1 * largest)))
    return svg(panels, len(LAWS))


def tradeoff(table: Table) -> str:
    """Predicted losses at the last tokens over the ratio, the limit, and the probability that a run holds it."""
    general, domain = shown_corpora(table)
    fits = fit(table, bootstrap=_BOOTSTRAP)
    last = _measured(table, general)
    size, tokens = float(last.params.max()), float(last.tokens.max())
    answer = recommend_tradeoff(
        fits, target=domain, constraint={general: (None, _INCREASE)}, tokens=tokens, params=size
    )
    ratio = np.array(answer.curve.domain_ratio)
    some = np.unique(np.linspace(0, len(ratio) - 1, 6 * _FINE + 1).astype(int))
    panels = []
    for name, colour in ((general, COLOURS[0]), (domain, COLOURS[4])):
        band, rows = answer.curve.bands[name], _measured(table, name)
        ends = rows.rows(rows.tokens >= rows.tokens.max())
        marks = [
            Mark(ratio[some], np.array(band.high)[some], colour, "band", low=np.array(band.low)[some]),
            Mark(ratio[some], np.array(band.loss)[some], colour),
            Mark(ends.domain_ratio, ends.loss, colour, "dots"),
        ]
        if name == general:
            limit = answer.constraint[general][0] * (1 + _INCREASE)
            label = f"limit: {_INCREASE:.0%} above the base loss"
            marks.append(Mark([0.0, 1.0], [limit] * 2, "#555555", "line", label, "4 3"))
        panels.append(Panel(f"{name}: loss after {tokens / 1e3:.0f}k tokens, nats", "domain ratio", marks))
    chance = [
        Mark(ratio[some], np.array(answer.curve.p_constraint)[some], COLOURS[2]),
        Mark([answer.domain_ratio] * 2, [0.0, 1.0], "#555555", "line", "recommended ratio", "2 2"),
    ]
    title = f"probability that {general} stays below the limit"
    return svg([*panels, Panel(title, "domain ratio", chance, y_range=(-0.02, 1.02))], 3)


PICTURES: dict[str, Callable[[Table], str]] = {
    "laws-forecast": forecasts,
    "laws-residuals": residuals,
    "laws-tradeoff": tradeoff,
}
"""File name without the table's name and ending -> the picture."""


def shown_corpora(table: Table) -> tuple[str, str]:
    """The first general corpus and the target."""
    return next(name for name in table.corpora if name in table.remainder), table.target


def _measured(table: Table, corpus: str) -> Table:
    """Rows of a corpus after training began, of its largest size."""
    return table.rows((table.corpus == corpus) & (table.tokens > 0) & (table.params == table.params.max()))


def _colour(table: Table, ratio: float) -> str:
    """The same for a ratio in all panels."""
    ratios = distinct_ratios(table.domain_ratio[table.tokens > 0])
    return COLOURS[ratios.index(round(ratio, 3)) % len(COLOURS)]


def _curves(laws: LawSet, corpus: str, table: Table, until: float, span: tuple[float, float]) -> list[Mark]:
    measured = _measured(table, corpus)
    last, size = float(measured.tokens.max()), float(measured.params.max())
    marks = [Mark([until] * 2, list(span), "#888888", "line", "fitted up to here", "2 3")]
    for ratio in distinct_ratios(measured.domain_ratio):
        rows = measured.rows(np.isclose(measured.domain_ratio, ratio, atol=6e-4))
        tokens = np.linspace(_FROM * last, last, _FINE)
        order = np.argsort(rows.tokens)
        said = laws.predict(
            corpus,
            tokens=tokens,
            params=size,
            domain_ratio=float(np.median(rows.domain_ratio)),
            lr_area=np.interp(tokens, [0.0, *rows.tokens[order]], [0.0, *rows.lr_area[order]]),
            lr_fraction=np.interp(tokens, [0.0, *rows.tokens[order]], [1.0, *rows.lr_fraction[order]]),
        )
        colour = _colour(table, ratio)
        marks.append(Mark(tokens, said.high, colour, "band", low=said.low))
        marks.append(Mark(tokens, said.loss, colour, "line", f"ratio {ratio:g}"))
        marks.append(Mark(rows.tokens, rows.loss, colour, "dots"))
    return marks


def _residual(laws: LawSet, table: Table, corpus: str, rows: Table) -> Mark:
    ratio = float(np.round(np.median(rows.domain_ratio), 3))
    said = predicted_rows(laws, corpus, rows)
    return Mark(rows.tokens, said.loss - rows.loss, _colour(table, ratio), "dots", f"ratio {ratio:g}")


def _level(tokens: np.ndarray[tuple[int, ...], np.dtype[np.float64]], value: float) -> Mark:
    return Mark([float(tokens.min()), float(tokens.max())], [value, value], "#888888")
