"""The corpus' own tokens, and a part of all others.

    L(N, D, r) = E + A/N^alpha + B / (r D + (1 - r) sigma D)^beta

A token of another corpus is worth sigma of an own one. A rival of the D-CPT law (arXiv 2406.01375 compares five forms).
That this is the one called L5 there is known from memory only, so it goes by its formula. It falls with D at every
share, so that it cannot follow forgetting.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import Frame, relative_tokens
from sweeper.laws.forms.level import level, level_derivatives, level_parameters
from sweeper.laws.forms.shares import BETA
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

_LN_SIGMA = Stated("ln_sigma", np.log(1e-4), 0.0, (np.log(1e-2), np.log(0.9)), np.log(0.2), 1.5)


@dataclass(frozen=True)
class BlendedTokens(FormulaLaw):
    """See the module's text. N and D are taken over the largest measured ones."""

    frame: Frame

    name = "blended-tokens"
    formula = "L = E + A/N^alpha + B/(r D + (1-r) sigma D)^beta"
    source = "A rival of D-CPT L3 of own and transferred tokens; perhaps L5 of arXiv 2406.01375 (from memory)."
    trends = (Trend("tokens", -1), Trend("params", -1, "from three sizes on"), Trend("share", -1))
    limits = (
        Limit("tokens", np.inf, "finite", "E + A/N^alpha"),
        Limit("tokens", 0.0, "diverges", "B/D^beta"),
        Limit("share", 0.0, "finite", "E + A/N^alpha + B/(sigma D)^beta"),
    )

    def parameters(self) -> tuple[Stated, ...]:
        """What other text is worth, sigma, is at most 1."""
        return amplitude("B", self.frame), BETA, _LN_SIGMA, *level_parameters(self.frame)

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        return level(self.frame, values, points) + values["B"] * self._worth(values, points) ** -values["beta"]

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        worth, tokens = self._worth(values, points), relative_tokens(self.frame, points)
        learning = worth ** -values["beta"]
        term = values["B"] * learning
        others = (1.0 - points.share) * np.exp(values["ln_sigma"]) * tokens
        return {
            "B": learning,
            "beta": -term * np.log(worth),
            "ln_sigma": -term * values["beta"] * others / worth,
            **level_derivatives(self.frame, values, points),
        }

    def _worth(self, values: Values, points: Points) -> Floats:
        """Own tokens and what the others are worth, over the largest measured D."""
        blend = points.share + (1.0 - points.share) * np.exp(values["ln_sigma"])
        return np.asarray(blend * relative_tokens(self.frame, points))
