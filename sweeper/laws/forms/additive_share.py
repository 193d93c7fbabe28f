"""Size, tokens and share each in a term of its own.

    L(N, D, r) = E + A/N^alpha + B/D^beta + C / (r + eps)^gamma

A rival of the D-CPT law (arXiv 2406.01375 compares five forms). That this is the one called L1 there is known from
memory only, so it goes by its formula: D-CPT L3 without r^eta, that is without interaction between share and tokens.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import Frame, relative_tokens
from sweeper.laws.forms.level import level, level_derivatives, level_parameters
from sweeper.laws.forms.shares import BETA, GAMMA, LN_EPSILON, forgetting, forgetting_derivatives
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points


@dataclass(frozen=True)
class AdditiveShare(FormulaLaw):
    """See the module's text. N and D are taken over the largest measured ones."""

    frame: Frame

    name = "additive-share"
    formula = "L = E + A/N^alpha + B/D^beta + C/(r+eps)^gamma"
    source = "A rival of D-CPT L3 without its r^eta; perhaps L1 of arXiv 2406.01375 (from memory)."
    trends = (Trend("tokens", -1), Trend("params", -1, "from three sizes on"), Trend("share", -1))
    limits = (
        Limit("tokens", np.inf, "finite", "E + A/N^alpha + C/(r+eps)^gamma"),
        Limit("tokens", 0.0, "diverges", "B/D^beta"),
        Limit("share", 0.0, "finite", "E + A/N^alpha + B/D^beta + C/eps^gamma"),
    )

    def parameters(self) -> tuple[Stated, ...]:
        """As D-CPT's, without eta."""
        b, c = amplitude("B", self.frame), amplitude("C", self.frame)
        return b, c, BETA, GAMMA, LN_EPSILON, *level_parameters(self.frame)

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        learning = relative_tokens(self.frame, points) ** -values["beta"]
        return level(self.frame, values, points) + values["B"] * learning + values["C"] * forgetting(values, points)

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        tokens = relative_tokens(self.frame, points)
        learning = tokens ** -values["beta"]
        return {
            "B": learning,
            "beta": -values["B"] * learning * np.log(tokens),
            **forgetting_derivatives(values, points),
            **level_derivatives(self.frame, values, points),
        }
