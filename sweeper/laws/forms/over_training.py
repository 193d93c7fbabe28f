"""The law of over-training: Chinchilla's with one exponent, so that any tokens per parameter lie on parallel lines.

    L(C, M) = E + (a M^eta + b M^-eta) C^-eta,    C = 6 N D,  M = D/N

which is E + A/N^(2 eta) + B/D^(2 eta). Source: Gadre et al., 2024, arXiv 2403.08540, equation 4; there fitted by least
squares of the loss to five small runs.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import Frame, relative_tokens
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

_ETA = Stated("eta", 0.005, 1.0, (0.05, 0.4), prior_mean=0.15, prior_sd=0.2)


@dataclass(frozen=True)
class OverTraining(FormulaLaw):
    """See the module's text. N and D are taken over the largest measured ones; A and B are the terms there."""

    frame: Frame

    name = "over-training"
    formula = "L = E + (a M^eta + b M^-eta) C^-eta, C = 6 N D, M = D/N"
    source = "Gadre et al., 2024, arXiv 2403.08540, equation 4."
    trends = (Trend("tokens", -1), Trend("params", -1))
    limits = (Limit("tokens", np.inf, "finite", "E + A/N^(2 eta)"), Limit("tokens", 0.0, "diverges", "B/D^(2 eta)"))

    def parameters(self) -> tuple[Stated, ...]:
        """E, the two terms at the largest measured N and D, and the exponent."""
        e = Stated("E", 0.0, 2.0 * self.frame.loss, (0.2 * self.frame.loss, 0.9 * self.frame.loss), linear=True)
        return e, amplitude("A", self.frame), amplitude("B", self.frame), _ETA

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        by_size, by_tokens = self._terms(values, points)
        return values["E"] + values["A"] * by_size + values["B"] * by_tokens

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        by_size, by_tokens = self._terms(values, points)
        log_size, log_tokens = (np.log(x) for x in self._relative(points))
        slope = -2.0 * (values["A"] * by_size * log_size + values["B"] * by_tokens * log_tokens)
        return {"E": np.ones(len(points)), "A": by_size, "B": by_tokens, "eta": slope}

    def published(self, params: Floats) -> dict[str, float]:
        """E, a, b and eta of one fit (p,), for compute in FLOPs."""
        values = dict(zip(self.names, map(float, params), strict=True))
        eta, size, tokens = values["eta"], max(self.frame.sizes), self.frame.tokens
        a, b = values["A"] * (6.0 * size**2) ** eta, values["B"] * (6.0 * tokens**2) ** eta
        return {"E": values["E"], "a": a, "b": b, "eta": eta}

    def _terms(self, values: Values, points: Points) -> tuple[Floats, Floats]:
        size, tokens = self._relative(points)
        power = -2.0 * values["eta"]
        return size**power, tokens**power

    def _relative(self, points: Points) -> tuple[Floats, Floats]:
        return self.frame.relative_size(points.params), relative_tokens(self.frame, points)
