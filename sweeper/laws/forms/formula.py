"""How a law is written down: its parameters stated once, a formula, and what follows from them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.forms.automatic import complex_step
from sweeper.laws.forms.law import Frame, Space
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

Values = Mapping[str, Floats]
"""Parameters by name, (m, 1) each: m parameter vectors at once, broadcasting against (n,) points."""


@dataclass(frozen=True)
class Stated:
    """One parameter of a law. `ln_x` in a name says that x is fitted by its logarithm."""

    name: str
    lower: float
    upper: float
    start: tuple[float, float]
    """Range of the random starting points."""
    prior_mean: float = 0.0
    prior_sd: float = np.inf
    """inf: no prior."""
    log_start: bool = False
    """Whether starting points are uniform in the logarithm."""
    linear: bool = False
    """Whether the loss is a linear function of it, the others held."""

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """(count,) starting points within the bounds."""
        low, high = self.start
        drawn = (
            np.exp(rng.uniform(np.log(low), np.log(high), count)) if self.log_start else rng.uniform(*self.start, count)
        )
        return np.asarray(np.clip(drawn, self.lower, self.upper), dtype=np.float64)


def amplitude(name: str, frame: Frame) -> Stated:
    """A non-negative term of the loss, at most twice the largest measured loss."""
    parts = (0.003 * frame.loss, 0.4 * frame.loss)
    return Stated(name, 0.0, 2.0 * frame.loss, parts, log_start=True, linear=True)


class FormulaLaw(ABC):
    """A law by its formula; bounds, starting points and, where it gives none, its gradient follow.

    A subclass is a frozen dataclass with a `frame` and states the class attributes, `parameters` and `loss`;
    `derivatives` where an analytic gradient is worth its lines. A formula without them has to be analytic in its
    parameters, since the automatic gradient takes a complex step.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Columns of `Points` that may be unknown elsewhere and that this law cannot do without."""
    trends: ClassVar[tuple[Trend, ...]] = ()
    limits: ClassVar[tuple[Limit, ...]] = ()

    frame: Frame

    @abstractmethod
    def parameters(self) -> tuple[Stated, ...]:
        """Every parameter, in the order of parameter vectors."""

    @abstractmethod
    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses, nats."""

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats] | None:
        """Of `loss` by each parameter, (m, n) or what broadcasts to it; None: take the automatic ones."""
        return None

    def trend_holds(self, column: str, params: Floats, points: Points) -> Bools:
        """(m, n): where the condition of the trend in a column holds. Everywhere, unless the law says otherwise."""
        return np.ones((len(params), len(points)), dtype=np.bool_)

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names (p,)."""
        return tuple(each.name for each in self.parameters())

    @property
    def linear(self) -> tuple[str, ...]:
        """Names of the parameters that the loss is jointly linear in."""
        return tuple(each.name for each in self.parameters() if each.linear)

    def space(self) -> Space:
        """Bounds and priors."""
        rows = [(each.lower, each.upper, each.prior_mean, each.prior_sd) for each in self.parameters()]
        return Space(*np.array(rows, dtype=np.float64).T)

    def starts(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, p) random starting points."""
        return np.stack([each.draw(rng, count) for each in self.parameters()], axis=1)

    def values(self, params: Floats) -> dict[str, Floats]:
        """(m, p) parameter vectors by name, (m, 1) each."""
        return {name: params[:, i : i + 1] for i, name in enumerate(self.names)}

    def predict(self, params: Floats, points: Points) -> Floats:
        """(m, n) losses, nats."""
        return np.broadcast_to(self.loss(self.values(params), points), (len(params), len(points)))

    def jacobian(self, params: Floats, points: Points) -> Floats:
        """(m, n, p) derivatives of `predict`."""
        exact = self.derivatives(self.values(params), points)
        if exact is None:
            return complex_step(self, params, points)
        shape = (len(params), len(points))
        stacked = np.stack([np.broadcast_to(exact[name], shape) for name in self.names], axis=1)
        return np.swapaxes(stacked, 1, 2)  # rows of one parameter lie together: products over rows are faster
