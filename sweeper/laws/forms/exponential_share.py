"""The share as an exponent.

    L(N, D, r) = E + A/N^alpha + B b^r / D^beta + C / c^r,    b > 0, c >= 1

A rival of the D-CPT law (arXiv 2406.01375 compares five forms). That this is the one called L4 there is known from
memory only, so it goes by its formula. It is finite at r = 0 without a floor; where b is above 1 it may rise with r.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import Frame, relative_tokens
from sweeper.laws.forms.level import level, level_derivatives, level_parameters
from sweeper.laws.forms.shares import BETA
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

_LN_B = Stated("ln_b", -5.0, 5.0, (-1.0, 1.0), prior_mean=0.0, prior_sd=2.0)
_LN_C = Stated("ln_c", 0.0, 10.0, (0.1, 3.0), prior_mean=1.0, prior_sd=2.0)


@dataclass(frozen=True)
class ExponentialShare(FormulaLaw):
    """See the module's text. N and D are taken over the largest measured ones."""

    frame: Frame

    name = "exponential-share"
    formula = "L = E + A/N^alpha + B b^r/D^beta + C/c^r"
    source = "A rival of D-CPT L3 with exponentials of the share; perhaps L4 of arXiv 2406.01375 (from memory)."
    trends = (
        Trend("tokens", -1),
        Trend("params", -1, "from three sizes on"),
        Trend("share", -1, "where B ln(b) b^r/D^beta < C ln(c)/c^r; everywhere for b <= 1"),
    )
    limits = (
        Limit("tokens", np.inf, "finite", "E + A/N^alpha + C/c^r"),
        Limit("tokens", 0.0, "diverges", "B b^r/D^beta"),
        Limit("share", 0.0, "finite", "E + A/N^alpha + B/D^beta + C"),
    )

    def parameters(self) -> tuple[Stated, ...]:
        """b and c by their logarithms."""
        b, c = amplitude("B", self.frame), amplitude("C", self.frame)
        return b, c, BETA, _LN_B, _LN_C, *level_parameters(self.frame)

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        learning, forgetting = self._terms(values, points)
        return level(self.frame, values, points) + values["B"] * learning + values["C"] * forgetting

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        learning, forgetting = self._terms(values, points)
        b, c = values["B"] * learning, values["C"] * forgetting
        return {
            "B": learning,
            "C": forgetting,
            "beta": -b * np.log(relative_tokens(self.frame, points)),
            "ln_b": b * points.share,
            "ln_c": -c * points.share,
            **level_derivatives(self.frame, values, points),
        }

    def trend_holds(self, column: str, params: Floats, points: Points) -> Bools:
        """Falling with the own share is a condition on the parameters and the place."""
        if column != "share":
            return super().trend_holds(column, params, points)
        values = self.values(params)
        learning, forgetting = self._terms(values, points)
        rise = values["B"] * values["ln_b"] * learning
        return np.asarray(rise < values["C"] * values["ln_c"] * forgetting)

    def _terms(self, values: Values, points: Points) -> tuple[Floats, Floats]:
        learning = np.exp(values["ln_b"] * points.share) * relative_tokens(self.frame, points) ** -values["beta"]
        return learning, np.exp(-values["ln_c"] * points.share)
