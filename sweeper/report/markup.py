"""Plain data as HTML; every text is escaped here."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from sweeper.report.data import Cell, Fact, Table

BADGES = {"completed": "good", "pruned": "muted", "failed": "bad", "paused": "muted", "running": "muted"}
"""Cells with exactly these words are set as badges."""


def number(value: float) -> str:
    """A number for people: four digits that matter, thousands apart, e-notation where it is shorter."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-3:
        return scientific(value)
    if size >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f").replace("-", "−")
    text = f"{value:.{4 if size < 10 else 2}f}"
    return text.rstrip("0").rstrip(".").replace("-", "−")


def scientific(value: float) -> str:
    """As 2.1e-4."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}".replace("-", "−", 1 if value < 0 else 0)


def column_texts(cells: Sequence[Cell], *, in_powers: bool = False) -> list[str]:
    """A column as text: its numbers with the same number of decimals, a dash where a value is missing."""
    texts = [_cell_text(cell, in_powers) for cell in cells]
    plain = [isinstance(c, float) and "." in t and "e" not in t for c, t in zip(cells, texts, strict=True)]
    decimals = max((len(t.split(".")[1]) for t, p in zip(texts, plain, strict=True) if p), default=0)
    return [_pad(t, decimals) if isinstance(c, float) else t for c, t in zip(cells, texts, strict=True)]


def _pad(text: str, decimals: int) -> str:
    if not decimals or not text.lstrip("−").replace(".", "").isdigit():
        return text
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}"


def _cell_text(cell: Cell, in_powers: bool) -> str:
    if cell is None or cell == "":
        return "–"
    if isinstance(cell, str):
        return cell
    return scientific(cell) if in_powers and math.isfinite(cell) and cell else number(float(cell))


def table_html(table: Table, *, sortable: bool = False) -> str:
    """A table in a box that scrolls sideways on narrow screens."""
    columns = [[row[i] for row in table.rows] for i in range(len(table.columns))]
    numeric = [_is_numeric(cells) for cells in columns]
    texts = [
        column_texts(cells, in_powers=name in table.scientific)
        for name, cells in zip(table.columns, columns, strict=True)
    ]
    heads = "".join(f"<th{_align(n)}>{escape(c)}</th>" for c, n in zip(table.columns, numeric, strict=True))
    body = "".join(
        "<tr>" + "".join(_cell(c, t[i], n) for c, t, n in zip(row, texts, numeric, strict=True)) + "</tr>"
        for i, row in enumerate(table.rows)
    )
    title = f"<h3>{escape(table.title)}</h3>" if table.title else ""
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    kind = ' class="sortable"' if sortable else ""
    grid = f"<table{kind}><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    return f'{title}<div class="scroll">{grid}</div>{note}'


def facts_html(facts: Iterable[Fact], css: str) -> str:
    """Facts as tiles."""
    tiles = "".join(
        f'<div class="fact {fact.tone}"><dt>{escape(fact.label)}</dt><dd>{escape(fact.value)}'
        + (f"<small>{escape(fact.note)}</small>" if fact.note else "")
        + "</dd></div>"
        for fact in facts
    )
    return f'<dl class="{css}">{tiles}</dl>' if tiles else ""


def list_html(sentences: Sequence[str]) -> str:
    """Sentences as a list."""
    return f"<ul>{''.join(f'<li>{escape(s)}</li>' for s in sentences)}</ul>" if sentences else ""


def section(key: str, title: str, lead: str, body: str) -> str:
    """A section with a heading and a sentence of what it shows; nothing where the body is empty."""
    if not body:
        return ""
    intro = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f'<section id="{key}"><h2>{escape(title)}</h2>{intro}{body}</section>'


def _cell(cell: Cell, text: str, right: bool) -> str:
    text = escape(text)
    if isinstance(cell, str) and cell in BADGES:
        text = f'<span class="badge {BADGES[cell]}">{text}</span>'
    key = f' data-value="{float(cell)!r}"' if isinstance(cell, (int, float)) else ""
    return f"<td{_align(right)}{key}>{text}</td>"


def _align(right: bool) -> str:
    return ' class="number"' if right else ""


def _is_numeric(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None and cell != ""]
    return bool(known) and all(isinstance(cell, (int, float)) for cell in known)
