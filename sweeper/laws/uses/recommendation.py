"""What a recommendation says; plain numbers only."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from sweeper.laws.arrays import Floats, Ints
from sweeper.laws.fits.prediction import Prediction
from sweeper.laws.uses.options import Options

Use = Literal["tradeoff", "limited-domain", "compute"]


@dataclass(frozen=True)
class Band:
    """A predicted loss and its 90 % interval for a single new run: arrays over the curve's options, nats."""

    loss: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Curve:
    """Predictions over the options searched, for plots."""

    domain_ratio: list[float]
    bands: dict[str, Band]
    p_constraint: list[float]
    tokens: list[float] = field(default_factory=list)
    params: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class PredictedLoss:
    """At the recommended option, nats; the 90 % interval of a single new run."""

    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class Recommendation:
    """The ratio, how sure it is, and why not to trust it, if so."""

    target: str
    tokens: float
    params: float
    constraint: dict[str, tuple[float, float]]
    """Corpus to (base loss at the recommended size, largest allowed increase)."""
    domain_ratio: float
    interval: tuple[float, float]
    """90 % interval of the best ratio over the draws."""
    predicted: dict[str, PredictedLoss]
    p_constraint: float
    """Probability that a single new run holds every constraint."""
    regret: float
    """Target loss, nats, expected to be given away against the option that one would take if one knew the truth."""
    holds: bool
    """Whether any option is predicted to hold the constraint."""
    binds: bool
    """Whether the constraint keeps the choice from the option with the lowest target loss."""
    extrapolation: float
    """Tokens over the largest measured tokens."""
    trust: list[str]
    """Why not to trust this, one sentence each; empty: nothing found against it."""
    notes: list[str]
    curve: Curve
    use: Use = "tradeoff"
    tokens_interval: tuple[float, float] | None = None
    """90 % interval of the best tokens over the draws, where tokens are chosen."""
    params_interval: tuple[float, float] | None = None
    """90 % interval of the best size over the draws, where the size is chosen."""
    epochs: float | None = None
    """Passes over the domain's text, where its tokens are limited."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def at(run: Prediction, index: int) -> PredictedLoss:
    """The prediction of one option."""
    return PredictedLoss(float(run.loss[index]), float(run.low[index]), float(run.high[index]))


def curve_of(options: Options, runs: dict[str, Prediction], p_hold: Floats, shown: Ints) -> Curve:
    """The curve through the options of index `shown`."""
    bands = {
        name: Band(run.loss[shown].tolist(), run.low[shown].tolist(), run.high[shown].tolist())
        for name, run in runs.items()
    }
    return Curve(
        domain_ratio=options.domain_ratio[shown].tolist(),
        bands=bands,
        p_constraint=p_hold[shown].tolist(),
        tokens=options.tokens[shown].tolist(),
        params=options.params[shown].tolist(),
    )


def spread(values: Floats, chosen: float, level: float) -> tuple[float, float]:
    """The central interval of draws of a choice, stretched to hold what was chosen."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return min(float(low), chosen), max(float(high), chosen)
