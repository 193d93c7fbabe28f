"""CMR's law of loss over tokens, at one size and one mixture: two powers, one rising and one falling.

    L(T) = L0 + a1 T^s1 - a2 T^s2 + b,    a1, a2 >= 0 in the sense of their slopes

General loss rises and then falls; domain loss only falls (a1 = 0). Fitted as L0 + b' + a1' (T^s1 - 1)/s1
- a2' (T^s2 - 1)/s2, T over the largest measured tokens, so that either exponent may be 0 (the logarithm). The law knows
the base loss but does not pass through it at T = 0. Source: Gu et al., EMNLP 2024, arXiv 2407.17467.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import Frame, relative_tokens
from sweeper.laws.forms.powers import box_cox
from sweeper.laws.forms.trends import Trend
from sweeper.laws.tables.points import Points


@dataclass(frozen=True)
class CmrTokens(FormulaLaw):
    """See the module's text. It knows no share: fit the rows of one mixture."""

    frame: Frame

    name = "cmr-tokens"
    formula = "L = L0 + a1 T^s1 - a2 T^s2 + b"
    source = "CMR: Gu et al., EMNLP 2024, arXiv 2407.17467."
    needs = ("base_loss",)
    trends = (Trend("base_loss", 1), Trend("tokens", -1, "where a1 T^s1 < a2 T^s2"))

    def parameters(self) -> tuple[Stated, ...]:
        """Slopes at the largest measured tokens, exponents of either sign, and the change there."""
        rise = Stated("s1", -1.5, 1.5, (-0.8, 0.5), prior_mean=0.0, prior_sd=0.5)
        fall = Stated("s2", -1.5, 1.5, (-0.5, 1.0), prior_mean=0.0, prior_sd=0.5)
        top, some = self.frame.loss, 0.1 * self.frame.loss
        b = Stated("b", -top, top, (-some, some), linear=True)
        return amplitude("a1", self.frame), rise, amplitude("a2", self.frame), fall, b

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        log_tokens = np.log(relative_tokens(self.frame, points))
        rise, fall = (box_cox(log_tokens, values[name])[0] for name in ("s1", "s2"))
        return points.base_loss + values["b"] + values["a1"] * rise - values["a2"] * fall

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        log_tokens = np.log(relative_tokens(self.frame, points))
        (rise, by_s1), (fall, by_s2) = (box_cox(log_tokens, values[name]) for name in ("s1", "s2"))
        slopes = {"s1": values["a1"] * by_s1, "s2": -values["a2"] * by_s2}
        return {"a1": rise, "a2": -fall, **slopes, "b": np.ones(len(points))}

    def trend_holds(self, column: str, params: Floats, points: Points) -> Bools:
        """Falling with tokens only once the falling power is the steeper one."""
        if column != "tokens":
            return super().trend_holds(column, params, points)
        values, tokens = self.values(params), relative_tokens(self.frame, points)
        return np.asarray(values["a1"] * tokens ** values["s1"] < values["a2"] * tokens ** values["s2"])
