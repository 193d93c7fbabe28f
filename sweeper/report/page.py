"""The page: sections put together, plotly.js embedded once, written atomically."""

import json
import math
import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from sweeper.report.data import Panel, ReportData
from sweeper.report.figures import Figure, panel_figure
from sweeper.report.markup import facts_html, list_html, section, table_html
from sweeper.report.search_figures import learning_rate_figure, progress_figure


def write_report(path: str | Path, data: ReportData) -> None:
    """Write the page, at once or not at all; it needs nothing else to be shown (about 5 MB, most of it plotly.js)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(render_report(data), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def render_report(data: ReportData) -> str:
    """The page as HTML."""
    plots = _Plots()
    sections = [part for part in _sections(data, plots) if part]
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(data.title)}</title>",
            f"<style>{_asset('page.css')}</style></head><body>",
            _header(data),
            "<main>",
            _hero(data),
            *sections,
            "</main>",
            f'<script type="application/json" id="figures">{_json(plots.figures)}</script>',
            f'<script id="plotly">{_plotly()}</script>',
            f"<script>{_asset('page.js')}</script>",
            "</body></html>",
        )
    )


class _Plots:
    """Collects figures and hands out their places in the page."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def add(self, title: str, figure: Figure) -> str:
        self.figures.append(figure)
        return (
            f'<figure class="card"><figcaption>{escape(title)}</figcaption>'
            f'<div class="plot" data-figure="{len(self.figures) - 1}"></div></figure>'
        )

    def grid(self, panels: Sequence[Panel]) -> str:
        cards = "".join(self.add(panel.title, panel_figure(panel)) for panel in panels)
        return f'<div class="grid">{cards}</div>' if cards else ""


def _sections(data: ReportData, plots: _Plots) -> list[str]:
    return [
        section("failures", "Failed trials", "", table_html(data.failures) if data.failures else ""),
        section(
            "predicted",
            "Predicted against measured",
            "What the laws said before the confirming run, and what it measured.",
            table_html(data.predicted) if data.predicted else "",
        ),
        section(
            "ratio",
            "Loss against domain ratio",
            "At the confirming run's tokens. Shaded: where a new run is expected to fall, with 90 % probability.",
            plots.grid(data.ratio_panels),
        ),
        section(
            "tokens",
            "Loss against training tokens",
            "Points are measured, lines are the laws, shaded is their 90 % interval.",
            plots.grid(data.token_panels),
        ),
        section(
            "methods",
            "Full weights against adapters",
            "Same ratio, tokens and seeds, each method at its own best rate; differences are paired by document.",
            table_html(data.methods) if data.methods else "",
        ),
        section("search", "The search", "", _search(data, plots)),
        section("laws", "The laws", "", "".join(table_html(t) for t in data.laws) + list_html(data.law_notes)),
        section("mixture", "Mixture and repetition", "", table_html(data.mixture) if data.mixture else ""),
        section("trials", "All trials", "", _trials(data)),
        section(
            "about", "This run", "", facts_html(data.counts, "tiles small") + facts_html(data.versions, "versions")
        ),
    ]


def _header(data: ReportData) -> str:
    subtitle = f"<p>{escape(data.subtitle)}</p>" if data.subtitle else ""
    return f"<header><div><h1>{escape(data.title)}</h1>{subtitle}</div></header>"


def _hero(data: ReportData) -> str:
    """The answer, with what speaks against it in the same box."""
    headline = f'<p class="headline">{escape(data.answer[0])}</p>' if data.answer else ""
    rest = "".join(f"<p>{escape(sentence)}</p>" for sentence in data.answer[1:])
    return (
        f'<section id="answer" class="hero">{headline}{rest}{_trust(data)}{facts_html(data.facts, "tiles")}</section>'
    )


def _trust(data: ReportData) -> str:
    if data.warnings:
        reasons = f"<strong>Do not trust this yet</strong>{list_html(data.warnings)}"
        return f'<div class="trust bad" role="alert">{reasons}</div>'
    if not data.answer:
        return ""
    return '<div class="trust good">The checks found no reason to distrust this answer.</div>'


def _search(data: ReportData, plots: _Plots) -> str:
    if not data.search:
        return ""
    cards = plots.add("Objective against learning rate", learning_rate_figure(data.search))
    cards += plots.add("Objective by trial", progress_figure(data.search))
    note = '<p class="note">Hollow marks are pruned trials, at their last measurement.</p>'
    tables = "".join(table_html(table) for table in data.search_tables)
    return f'<div class="grid">{cards}</div>{note}{plots.grid(data.search_panels)}{tables}'


def _trials(data: ReportData) -> str:
    if not data.trials:
        return ""
    summary = f"{len(data.trials.rows)} trials; click a column to sort by it"
    return f"<details open><summary>{summary}</summary>{table_html(data.trials, sortable=True)}</details>"


def _json(value: Any) -> str:
    """JSON that cannot end its script element; what is not a number is null."""
    text = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _asset(name: str) -> str:
    return files("sweeper.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    """plotly.js from the plotly package, without importing the package."""
    from importlib.metadata import distribution

    bundle = Path(str(distribution("plotly").locate_file("plotly/package_data/plotly.min.js")))
    return bundle.read_text(encoding="utf-8").replace("</script", "<\\/script")
