"""The cross-domain D-CPT law: one law for many domains, told apart by how easily each is learnt.

    L(N, D, r, K) = E + A/N^alpha + B r^eta/D^beta + C/(r + eps)^gamma + F/K^mu
    K = w k1_mid/k1 + (1 - w) k2/k2_mid

k1 is the domain's loss before training, k2 how fast it falls in the first steps; both are over the median of the rows
fitted (w1 and w2 of the published K = w1/k1 + w2 k2 share their scale with F). A domain that starts at a high loss, or
is slow to leave it, has a small K and stays at a high loss. The simple form takes the loss before training alone
(w = 1).
Source: Que et al., NeurIPS 2024, arXiv 2406.01375, section on the cross-domain law (read in a secondary text).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.forms.formula import Stated, Values, amplitude
from sweeper.laws.forms.trends import Trend
from sweeper.laws.tables.points import Points

_MU = Stated("mu", 0.05, 4.0, (0.2, 2.0), prior_mean=1.0, prior_sd=0.7)
_WEIGHT = Stated("w", 0.0, 1.0, (0.1, 0.9), prior_mean=0.7, prior_sd=0.5)
_LEAST = 1e-3
"""Of K: a domain whose loss did not fall at all is as hard as can be, not infinitely hard."""


@dataclass(frozen=True)
class CrossDomain(DCpt):
    """See the module's text. F is the term of a domain in the middle."""

    name = "cross-domain"
    formula = f"{DCpt.formula} + F/K^mu, K = w k1_mid/k1 + (1-w) k2/k2_mid"
    source = "Cross-domain D-CPT law: Que et al., NeurIPS 2024, arXiv 2406.01375."
    needs: ClassVar[tuple[str, ...]] = ("base_loss", "decline")
    trends = (*DCpt.trends, Trend("base_loss", 1), Trend("decline", -1))

    def parameters(self) -> tuple[Stated, ...]:
        """D-CPT's, and those of learnability."""
        return *super().parameters(), amplitude("F", self.frame), _MU, _WEIGHT

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        return super().loss(values, points) + values["F"] * self.learnability(values, points) ** -values["mu"]

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        known, by_weight = self.learnability(values, points), self._by_weight(points)
        term = known ** -values["mu"]
        slope = np.where(known > _LEAST, -values["F"] * values["mu"] * term / known * by_weight, 0.0)
        own = {"F": term, "mu": -values["F"] * term * np.log(known), "w": slope}
        return {**super().derivatives(values, points), **own}

    def learnability(self, values: Values, points: Points) -> Floats:
        """K, (m, n): 1 for a domain in the middle, more for one that is easy."""
        start, decline = self._parts(points)
        return np.asarray(np.maximum(values["w"] * start + (1.0 - values["w"]) * decline, _LEAST))

    def _by_weight(self, points: Points) -> Floats:
        start, decline = self._parts(points)
        return start - decline

    def _parts(self, points: Points) -> tuple[Floats, Floats]:
        return self.frame.base_loss / points.base_loss, points.decline / self.frame.decline


@dataclass(frozen=True)
class CrossDomainStart(CrossDomain):
    """The simple form: K = k1_mid/k1, from the loss before training alone."""

    name = "cross-domain-start"
    formula = f"{DCpt.formula} + F/K^mu, K = k1_mid/k1"
    needs = ("base_loss",)
    trends = (*DCpt.trends, Trend("base_loss", 1))

    def parameters(self) -> tuple[Stated, ...]:
        """Without the weight."""
        return super().parameters()[:-1]

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        one = {**values, "w": np.ones((1, 1))}
        return {name: slope for name, slope in super().derivatives(one, points).items() if name != "w"}

    def learnability(self, values: Values, points: Points) -> Floats:
        """K, (n,)."""
        return self.frame.base_loss / points.base_loss

    def _by_weight(self, points: Points) -> Floats:
        return np.zeros(len(points))
