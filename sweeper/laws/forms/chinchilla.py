"""The Chinchilla law: what size and fresh tokens give, with no mixture.

    L(N, D) = E + A/N^alpha + B/D^beta

Source: Hoffmann et al., 2022, arXiv 2203.15556, equation 2 (E 1.69, A 406.4, B 410.7, alpha .34, beta .28); its refit
by Huber's loss (1e-3) of log loss, which is what the engine minimises: Besiroglu et al., 2024, arXiv 2404.10102
(E 1.8172, A 482.01, B 2085.43, alpha .3478, beta .3658). Those amplitudes are for N and D in single
parameters and tokens; here both are over the largest measured, which keeps amplitudes near losses: `published` turns
one into the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import Frame, relative_tokens
from sweeper.laws.forms.level import level, level_derivatives, level_parameters
from sweeper.laws.forms.shares import BETA
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points


@dataclass(frozen=True)
class Chinchilla(FormulaLaw):
    """See the module's text."""

    frame: Frame

    name = "chinchilla"
    formula = "L = E + A/N^alpha + B/D^beta"
    source = "Hoffmann et al., 2022, arXiv 2203.15556; refitted by Besiroglu et al., 2024, arXiv 2404.10102."
    trends = (Trend("tokens", -1), Trend("params", -1, "from three sizes on"))
    limits = (
        Limit("tokens", np.inf, "finite", "E + A/N^alpha"),
        Limit("tokens", 0.0, "diverges", "B/D^beta"),
    )

    def parameters(self) -> tuple[Stated, ...]:
        """Amplitudes at the largest measured N and D."""
        return amplitude("B", self.frame), BETA, *level_parameters(self.frame)

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        learning = relative_tokens(self.frame, points) ** -values["beta"]
        return level(self.frame, values, points) + values["B"] * learning

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        tokens = relative_tokens(self.frame, points)
        learning = tokens ** -values["beta"]
        term = {"B": learning, "beta": -values["B"] * learning * np.log(tokens)}
        return term | level_derivatives(self.frame, values, points)

    def published(self, params: Floats) -> dict[str, float]:
        """E, A, B, alpha and beta of one fit (p,), for single parameters and tokens.

        Raises:
            LawError: fewer than three sizes, so that there is no A.
        """
        if not self.frame.powers:
            raise LawError(f"params: {len(self.frame.sizes)} size(s) were measured; A and alpha need three or more")
        values = dict(zip(self.names, map(float, params), strict=True))
        raw = max(self.frame.sizes) ** values["alpha"], self.frame.tokens ** values["beta"]
        return values | {"A": values["A"] * raw[0], "B": values["B"] * raw[1]}

    def of_published(self, values: Mapping[str, float]) -> Floats:
        """(1, p) parameters from E, A, B, alpha and beta for single parameters and tokens."""
        raw = max(self.frame.sizes) ** values["alpha"], self.frame.tokens ** values["beta"]
        own = {**values, "A": values["A"] / raw[0], "B": values["B"] / raw[1]}
        return np.array([[own[name] for name in self.names]])
