"""Pictures of published laws on their released tables: measured losses, the fitted law and its 90 % band."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.laws_published import C4_FIT, CMR_TABLE_5, LARGE_RUNS, SMALL_RUNS, USE_1, Within
from benchmarks.laws_rows import read_table
from benchmarks.svg_chart import Mark, Panel, svg
from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.engine.descent import Problem, fit_groups
from sweeper.laws.engine.posterior import posterior
from sweeper.laws.forms.cmr_ratio import CmrRatio
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.forms.held import Held
from sweeper.laws.forms.law import Frame, Law, frame_of
from sweeper.laws.forms.over_training import OverTraining
from sweeper.laws.tables.points import Points

COLOURS = ("#1f5fa8", "#c4571b", "#2f7d4f", "#8a4fa3", "#b58900", "#555555")
_STARTS, _DRAWS, _FINE = 48, 1000, 41
Rows = Sequence[dict[str, str]]


@dataclass(frozen=True)
class Banded:
    """A law fitted to measured losses, with draws of its parameters."""

    law: Law
    params: Floats
    samples: Floats
    residuals: Floats
    """(n,) predicted minus measured log loss."""

    def marks(self, x: Floats, points: Points, colour: str, label: str) -> list[Mark]:
        """The law along x and the 90 % band of a single run: draws of parameters and the spread about the fit."""
        spread = np.sqrt(np.sum(self.residuals**2) / max(len(self.residuals) - len(self.params), 1))
        noise = np.random.default_rng(0).standard_normal((len(self.samples), 1))
        low, high = np.quantile(self.law.predict(self.samples, points) * np.exp(spread * noise), (0.05, 0.95), axis=0)
        line = self.law.predict(self.params[None], points)[0]
        return [Mark(x, high, colour, "band", low=low), Mark(x, line, colour, label=label)]


def banded(make: Callable[[Frame], Law], points: Points, loss: Floats) -> Banded:
    """Fits a law from many starts and draws from its posterior, every row a run."""
    law = make(frame_of(points, loss))
    problem = Problem(law, points, np.log(loss))
    starts = law.starts(np.random.default_rng(0), _STARTS)[None]
    params = fit_groups(problem, np.ones((1, len(loss))), starts, iterations=400).params[0]
    draws = posterior(problem, params, np.arange(len(loss)), np.random.default_rng(0), _DRAWS)
    residuals = np.log(law.predict(params[None], points)[0]) - np.log(loss)
    return Banded(law, params, draws.samples, residuals)


def data_constrained(tables: Path) -> str:
    """Loss over epochs where most repetitions were run, and residuals of all 182 runs."""
    rows = read_table(tables / "datablations" / "c4_repeat_fit182.csv")
    points, loss = _runs(rows), _column(rows, "val_loss")
    points = replace(points, unique_tokens=_column(rows, "unique_tokens"))

    def held(frame: Frame) -> Law:
        law = Within(frame)
        return Held(law, law.of_published(C4_FIT))

    fitted = banded(held, points, loss)
    epochs = points.tokens / points.unique_tokens
    panel = Panel("C4 with repetition: validation loss, nats", "epochs", _repeats(fitted, points, loss), log_x=True)
    residuals = [Mark(epochs, np.exp(np.log(loss) + fitted.residuals) - loss, COLOURS[0], "dots"), _zero(epochs)]
    return svg([panel, Panel("Residuals of all runs, nats", "epochs", residuals, log_x=True)], 2)


def _repeats(fitted: Banded, points: Points, loss: Floats) -> list[Mark]:
    """The three settings of size and tokens with most runs."""
    settings, counts = np.unique(np.stack([points.params, points.tokens]), axis=1, return_counts=True)
    marks = []
    for colour, i in zip(COLOURS, np.argsort(-counts, kind="stable")[:3], strict=False):
        size, tokens = settings[:, i]
        here = (points.params == size) & (points.tokens == tokens)
        unique = points.unique_tokens[here]
        epochs = np.geomspace(tokens / unique.max(), tokens / unique.min(), _FINE)
        along = _along(size, np.full(_FINE, tokens))
        label = f"{size / 1e9:.3g}B parameters, {tokens / 1e9:.3g}B tokens"
        marks += fitted.marks(epochs, replace(along, unique_tokens=tokens / epochs), colour, label)
        marks.append(Mark(tokens / unique, loss[here], colour, "dots"))
    return marks


def over_training(tables: Path) -> str:
    """Loss over tokens by size: the law of all runs with its band; residuals of the law of five small ones."""
    every = read_table(tables / "overtraining_openlm" / "losses.csv")
    rows = [row for row in every if row["dataset"] == "rpj" and row["ev"] == "c4_val"]
    points, loss = _runs(rows), _column(rows, "loss")
    names = [(row["model"], float(row["chinchilla_multiplier"])) for row in rows]
    fitted = banded(OverTraining, points, loss)
    marks = []
    for colour, size in zip(COLOURS, np.unique(points.params), strict=False):
        here = points.params == size
        tokens = np.geomspace(points.tokens[here].min(), points.tokens[here].max(), _FINE)
        marks += fitted.marks(tokens, _along(size, tokens), colour, f"{size / 1e6:.4g}M")
        marks.append(Mark(points.tokens[here], loss[here], colour, "dots"))
    small = np.array([name in SMALL_RUNS for name in names])
    large = np.array([name in LARGE_RUNS for name in names])
    return svg(
        [Panel("RedPajama: loss on C4, nats", "tokens", marks, log_x=True), _of_five(points, loss, small, large)], 2
    )


def _of_five(points: Points, loss: Floats, small: Bools, large: Bools) -> Panel:
    fitted = banded(OverTraining, _keep(points, small), loss[small])
    residuals = fitted.law.predict(fitted.params[None], points)[0] - loss
    others = ~small & ~large
    marks = [
        Mark(points.tokens[keep], residuals[keep], colour, "dots", label)
        for keep, colour, label in (
            (others, "#bbbbbb", "other runs"), (small, COLOURS[0], "the five fitted"), (large, COLOURS[1], "predicted")
        )
    ]  # fmt: skip
    return Panel("Law of five runs: residuals, nats", "tokens", [*marks, _zero(points.tokens)], log_x=True)


def cmr_ratios(tables: Path) -> str:
    """Domain loss over the ratio for four sizes, the law fitted to the four larger ratios, and what it errs."""
    rows = read_table(tables / "published_tables" / "cmr_table2_domain_loss_vs_ratio.csv")
    shares = np.linspace(0.2, 1.0, _FINE)
    marks, residuals = [], []
    for colour, model in zip(COLOURS, CMR_TABLE_5, strict=False):
        mine = [row for row in rows if row["model"] == model]
        points, loss = _shares(_column(mine, "domain_ratio")), _column(mine, "domain_loss_measured")
        seen = points.share >= 0.3
        fitted = banded(CmrRatio, _keep(points, seen), loss[seen])
        marks += [*fitted.marks(shares, _shares(shares), colour, model), Mark(points.share, loss, colour, "dots")]
        errors = fitted.law.predict(fitted.params[None], points)[0] - loss
        residuals.append(Mark(points.share, errors, colour, "dots"))
    panels = [
        Panel("CMR table 2: domain loss, nats", "domain ratio (fitted from 1/3 on)", marks),
        Panel("Residuals, nats", "domain ratio", [*residuals, _zero(shares)]),
    ]
    return svg(panels, 2)


def dcpt_use_1(tables: Path) -> str:
    """General and domain loss over the ratio at one size and token count, with the limit on general loss."""
    rows = read_table(tables / "published_tables" / "dcpt_table5_usage1_chemistry_1p8B.csv")
    ratio, fine = _column(rows, "domain_ratio"), np.linspace(0.9, 1.0, _FINE)
    limit = USE_1["base_loss"] * (1.0 + USE_1["max_increase"])
    panels = []
    for colour, column, own in ((COLOURS[0], "general_loss", -1.0), (COLOURS[1], "domain_loss", 1.0)):
        shares, along = (1.0 - each if own < 0 else each for each in (ratio, fine))
        loss = _column(rows, column)
        fitted = banded(DCpt, _shares(shares), loss)
        marks = [*fitted.marks(fine, _shares(along), colour, ""), Mark(ratio, loss, colour, "dots")]
        if own < 0:
            marks.append(Mark(fine, np.full(_FINE, limit), "#555555", label="limit on general loss", dashes="4 3"))
        panels.append(Panel(f"D-CPT use 1: {column.replace('_', ' ')}, nats", "domain ratio", marks))
    return svg(panels, 2)


PICTURES: dict[str, Callable[[Path], str]] = {
    "laws-data-constrained": data_constrained,
    "laws-over-training": over_training,
    "laws-cmr": cmr_ratios,
    "laws-dcpt-use-1": dcpt_use_1,
}
"""File name without its ending -> the picture, from the folder of released tables."""


def _runs(rows: Rows) -> Points:
    """Runs of pre-training: their own corpus alone."""
    return _along(_column(rows, "params"), _column(rows, "tokens"))


def _along(params: Floats | float, tokens: Floats) -> Points:
    ones = np.ones(len(tokens))
    return Points(params * ones, tokens, ones, tokens, 0.0 * ones, np.nan * ones)


def _shares(shares: Floats) -> Points:
    """One size and one number of tokens."""
    ones = np.ones(len(shares))
    return Points(ones, ones, shares, ones, 0.0 * ones, np.nan * ones)


def _keep(points: Points, keep: Bools) -> Points:
    at = points
    return Points(
        at.params[keep], at.tokens[keep], at.share[keep], at.lr_area[keep], at.annealed[keep], at.base_loss[keep]
    )


def _column(rows: Rows, name: str) -> Floats:
    return np.array([float(row[name]) for row in rows])


def _zero(x: Floats) -> Mark:
    return Mark([float(np.min(x)), float(np.max(x))], [0.0, 0.0], "#888888")
