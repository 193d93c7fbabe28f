"""CMR's law of loss over the share, at one size and one number of tokens.

    L(R) = a R^s + b

s may have either sign; at s = 0 it is the logarithm, which is why the law is fitted as b' + a' (1 - R^s)/s (a = -a'/s,
b = b' + a'/s). The published refits have s = .16 to .20 with a < 0: with s held below 0 the fit collapses to the
logarithm. Source: Gu et al., EMNLP 2024, arXiv 2407.17467.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import Frame
from sweeper.laws.forms.powers import box_cox
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

LEAST_SHARE = 1e-4
"""Smaller shares are taken for this one: the loss is infinite at a share of 0 where s <= 0."""


@dataclass(frozen=True)
class CmrRatio(FormulaLaw):
    """See the module's text; `b` is the loss at share 1, `a` how steeply it falls there."""

    frame: Frame

    name = "cmr-ratio"
    formula = "L = a R^s + b"
    source = "CMR: Gu et al., EMNLP 2024, arXiv 2407.17467."
    trends = (Trend("share", -1, "above a share of 1e-4"),)
    limits = (Limit("share", 0.0, "finite", "the loss at a share of 1e-4"),)

    def parameters(self) -> tuple[Stated, ...]:
        """The loss at share 1, its slope there and the exponent of either sign."""
        top = 2.0 * self.frame.loss
        b = Stated("b", 0.0, top, (0.3 * self.frame.loss, self.frame.loss), linear=True)
        return amplitude("a", self.frame), Stated("s", -3.0, 3.0, (-1.0, 1.0)), b

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        return values["b"] - values["a"] * box_cox(self._log_share(points), values["s"])[0]

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        rise, by_s = box_cox(self._log_share(points), values["s"])
        return {"a": -rise, "s": -values["a"] * by_s, "b": np.ones(len(points))}

    def published(self, params: Floats) -> dict[str, float]:
        """a, s and b of `a R^s + b` for one fit (p,); infinite at s = 0."""
        a, s, b = (float(value) for value in params)
        part = a / s if s else np.inf
        return {"a": -part, "s": s, "b": b + part}

    @staticmethod
    def _log_share(points: Points) -> Floats:
        return np.log(np.maximum(points.share, LEAST_SHARE))
