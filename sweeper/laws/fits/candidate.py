"""A law fitted to one corpus, whatever the way: what prediction, choice and reports ask of it."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.engine.descent import huber
from sweeper.laws.fits.holdout import HeldOut
from sweeper.laws.fits.noise import Noise, late_rows
from sweeper.laws.tables.points import Points
from sweeper.laws.tables.table import Table

DRAWS = 1000


@dataclass(frozen=True)
class Parameter:
    """A fitted number with its standard error and 90 % interval."""

    value: float
    stderr: float
    low: float
    high: float


@dataclass(frozen=True)
class Quality:
    """How a law fits the rows that it was fitted to."""

    huber: float
    """Mean Huber loss (1e-3) of log-loss residuals."""
    r2: float
    rmse: float
    """Nats, as mae."""
    mae: float
    scale: float
    """Typical loss in nats; turns errors of log loss into nats."""


def quality_of(log_loss: Floats, table: Table) -> Quality:
    """Quality of predicted log losses (n,) of the table's rows."""
    residuals = np.exp(log_loss) - table.loss
    total = float(np.sum((table.loss - table.loss.mean()) ** 2))
    return Quality(
        huber=float(huber(log_loss - np.log(table.loss)).mean()),
        r2=1.0 - float(np.sum(residuals**2)) / total if total > 0 else 0.0,
        rmse=float(np.sqrt(np.mean(residuals**2))),
        mae=float(np.mean(np.abs(residuals))),
        scale=float(np.median(table.loss[late_rows(table)])),
    )


class Candidate(Protocol):
    """A fitted law."""

    @property
    def name(self) -> str:
        """Short name, as in `fit(law=...)`."""

    @property
    def formula(self) -> str:
        """The law in one line of text."""

    @property
    def source(self) -> str:
        """Where it comes from."""

    @property
    def parameters(self) -> dict[str, Parameter]:
        """By name."""

    @property
    def quality(self) -> Quality:
        """On the rows fitted."""

    @property
    def held_out_log(self) -> HeldOut:
        """On rows left out."""

    @property
    def noise(self) -> Noise:
        """Of a single run, or what stands in for it where none was repeated."""

    @property
    def effective_parameters(self) -> float:
        """How many numbers the data decided: orders laws by simplicity."""

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Sentences on parameters that the data do not determine."""

    def log_loss(self, points: Points) -> Floats:
        """(n,) expected log loss."""

    def log_draws(self, points: Points, ratios: Floats, excess: Floats, rng: np.random.Generator) -> Floats:
        """(DRAWS, n) log losses as the truth might be; row i is one possible world at every point.

        Args:
            points: Where.
            ratios: (n,) domain ratio of each point.
            excess: (n,) tokens over the largest measured, minus 1.
            rng: The same generator gives the same worlds.
        """

    def dump(self) -> dict[str, Any]:
        """What `load` needs, as plain JSON types."""


def held_out_nats(candidate: Candidate) -> dict[str, float | None]:
    """Root mean square errors in nats; `leave_one_ratio_out` is over interior ratios, the selection criterion."""
    logs, scale = candidate.held_out_log.summary(), candidate.quality.scale
    return {name: None if value is None else value * scale for name, value in logs.items()}


def parameters_of(names: tuple[str, ...], values: Floats, samples: Floats) -> dict[str, Parameter]:
    """Parameters by name from their values (p,) and draws (m, p); logarithms are given back as what they are of."""
    result = {}
    for i, name in enumerate(names):
        column = np.concatenate([values[i : i + 1], samples[:, i]])
        if name.startswith("ln_"):
            name, column = name.removeprefix("ln_"), np.exp(column)
        low, high = np.quantile(column[1:] if len(column) > 1 else column, (0.05, 0.95))
        spread = float(np.std(column[1:])) if len(column) > 1 else float("nan")
        result[name] = Parameter(float(column[0]), spread, float(low), float(high))
    return result
