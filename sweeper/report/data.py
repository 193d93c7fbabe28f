"""What a report shows, as plain data: nothing here knows laws, trials or HTML."""

from dataclasses import dataclass
from typing import Literal

Cell = str | int | float | None
Tone = Literal["plain", "good", "bad"]


@dataclass(frozen=True)
class Fact:
    """A label with its value, e.g. ("learning rate", "2.1e-4")."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True)
class Table:
    """Rows under named columns; numbers are formatted and set to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    note: str = ""
    scientific: tuple[str, ...] = ()
    """Columns set as 2.1e-4 throughout."""


@dataclass(frozen=True)
class Curve:
    """Points or a line of one panel."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: Literal["points", "line"]
    low: tuple[float, ...] = ()
    """With `high`: a band around the line."""
    high: tuple[float, ...] = ()
    ratio: float | None = None
    """Gives the colour: curves of one ratio share it, in every panel."""
    accent: Literal["law", "measured", "muted"] = "law"
    """Gives the colour where there is no ratio."""
    dashed: bool = False
    errors: tuple[float, ...] = ()
    """Standard errors of `y`, drawn as bars."""


@dataclass(frozen=True)
class Limit:
    """A line across a panel."""

    value: float
    label: str
    axis: Literal["x", "y"] = "y"
    tone: Literal["bad", "muted", "accent"] = "bad"


@dataclass(frozen=True)
class Mark:
    """A point to look at: the recommendation, the confirming run."""

    x: float
    y: float
    label: str
    symbol: Literal["star", "diamond"] = "star"


@dataclass(frozen=True)
class Panel:
    """One plot."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    limits: tuple[Limit, ...] = ()
    marks: tuple[Mark, ...] = ()
    x_range: tuple[float, float] | None = None
    """None: from 0 to the largest."""


@dataclass(frozen=True)
class SearchPoint:
    """One search trial, in the order they were started."""

    trial: str
    learning_rate: float
    objective: float
    """Nats a token, lower is better."""
    method: str
    domain_ratio: float
    pruned: bool = False
    lora_r: int | None = None


@dataclass(frozen=True)
class ReportData:
    """The page, top to bottom; what is empty or None is left out."""

    title: str
    subtitle: str = ""
    answer: tuple[str, ...] = ()
    """Sentences; the first is set large."""
    warnings: tuple[str, ...] = ()
    """Why the answer should not be trusted, shown with it."""
    facts: tuple[Fact, ...] = ()
    predicted: Table | None = None
    """Predicted against measured, by corpus and split."""
    ratio_panels: tuple[Panel, ...] = ()
    token_panels: tuple[Panel, ...] = ()
    methods: Table | None = None
    """Full against QLoRA."""
    search: tuple[SearchPoint, ...] = ()
    search_panels: tuple[Panel, ...] = ()
    """What the search's trials trade off."""
    search_tables: tuple[Table, ...] = ()
    """Its front, and how sure its best trial is the best."""
    laws: tuple[Table, ...] = ()
    """Parameters and held-out errors."""
    law_notes: tuple[str, ...] = ()
    mixture: Table | None = None
    """Corpora, their tokens and how often they were repeated."""
    failures: Table | None = None
    """Trials without a result, and why."""
    trials: Table | None = None
    counts: tuple[Fact, ...] = ()
    """Computed, reused, failed."""
    versions: tuple[Fact, ...] = ()
