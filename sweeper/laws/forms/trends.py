"""What a law promises of its shape: trends along its arguments and its limits, readable by programs."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.law import Law
from sweeper.laws.tables.points import Points

_STEP = 1e-5


@dataclass(frozen=True)
class Trend:
    """The sign of the loss' derivative along a column of `Points`."""

    column: str
    sign: Literal[-1, 1]
    condition: str = ""
    """Where it holds, in words; empty: for all parameters within bounds, everywhere. `trend_holds` says the same."""


@dataclass(frozen=True)
class Limit:
    """What becomes of the loss as a column of `Points` goes to 0 or to infinity, all parameters above 0."""

    column: str
    at: float
    loss: Literal["base", "finite", "diverges"]
    """The base model's loss, another finite value, or infinity."""
    text: str
    """The limit as a formula."""


def trends_of(law: Law) -> tuple[Trend, ...]:
    """A law's trends; a law that states none promises none."""
    stated: tuple[Trend, ...] = getattr(law, "trends", ())
    return stated


def slope(law: Law, params: Floats, points: Points, column: str) -> Floats:
    """(m, n) derivative of the loss by a column, by differences; one-sided at the ends of the shares."""
    at = getattr(points, column)
    step = _STEP * np.maximum(np.abs(at), 1e-3)
    high, low = at + step, np.maximum(at - step, 0.0)
    if column == "share":
        high = np.minimum(high, 1.0)
    above, below = (replace(points, **{column: moved}) for moved in (high, low))
    return np.asarray((law.predict(params, above) - law.predict(params, below)) / (high - low))
