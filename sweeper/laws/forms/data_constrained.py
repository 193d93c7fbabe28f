"""Data-constrained training: repeated tokens and excess parameters are worth less and less.

    L = E + A/N'^alpha + B/D'^beta
    D' = U_D + U_D R_D* (1 - exp(-R_D/R_D*)),    R_D = D/U_D - 1
    N' = U_N + U_N R_N* (1 - exp(-R_N/R_N*)),    R_N = N/U_N - 1

U_D are the distinct tokens; U_N is the size that they would be trained at in compute-optimal training, at most N:
alpha A/U_N^alpha = beta B/U_D^beta. Source: Muennighoff et al., NeurIPS 2023, arXiv 2305.16264, equations 5 and 6
(R_D* = 15.39, R_N* = 5.31, the other parameters held at a fit to runs without repetition).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import LEAST_TOKENS, Frame, relative_tokens
from sweeper.laws.forms.repetition import effective_tokens
from sweeper.laws.forms.shares import BETA
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

_ALPHA = Stated("alpha", 0.01, 2.0, (0.05, 1.0), prior_mean=0.3, prior_sd=0.5)
_STARS = (np.log(0.3), np.log(300.0), (np.log(2.0), np.log(40.0)))


@dataclass(frozen=True)
class DataConstrained(FormulaLaw):
    """See the module's text. N and D are taken over the largest measured ones, also in finding U_N."""

    frame: Frame

    name = "data-constrained"
    formula = "L = E + A/N'^alpha + B/D'^beta, X' = U + U R* (1 - exp(-(X/U - 1)/R*))"
    source = "Muennighoff et al., NeurIPS 2023, arXiv 2305.16264, equations 5 and 6."
    trends = (Trend("tokens", -1), Trend("unique_tokens", -1))
    limits = (Limit("tokens", np.inf, "finite", "the loss at D' = U_D (1 + R_D*)"),)

    def parameters(self) -> tuple[Stated, ...]:
        """Both R* by their logarithms."""
        e = Stated("E", 0.0, 2.0 * self.frame.loss, (0.2 * self.frame.loss, 0.9 * self.frame.loss), linear=True)
        stars = (Stated("ln_R_D", *_STARS, np.log(15.0), 1.0), Stated("ln_R_N", *_STARS, np.log(5.0), 1.0))
        a, b = (replace(amplitude(name, self.frame), linear=False) for name in ("A", "B"))  # U_N depends on both
        return e, a, _ALPHA, b, BETA, *stars

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        unique = np.maximum(points.unique_tokens / self.frame.tokens, LEAST_TOKENS)
        tokens = effective_tokens(relative_tokens(self.frame, points), unique, np.exp(values["ln_R_D"])).tokens
        size = self.frame.relative_size(points.params)
        spent = effective_tokens(size, self._optimal_size(values, unique), np.exp(values["ln_R_N"])).tokens
        return values["E"] + values["A"] * spent ** -values["alpha"] + values["B"] * tokens ** -values["beta"]

    def of_published(self, values: Mapping[str, float]) -> dict[str, float]:
        """E, A, B, alpha and beta for single parameters and tokens, turned into this law's units."""
        raw = max(self.frame.sizes) ** values["alpha"], self.frame.tokens ** values["beta"]
        return {**values, "A": values["A"] / raw[0], "B": values["B"] / raw[1]}

    @staticmethod
    def _optimal_size(values: Values, tokens: Floats) -> Floats:
        """Relative N that is compute-optimal for relative tokens."""
        ratio = values["alpha"] * values["A"] / np.maximum(values["beta"] * values["B"], 1e-12)
        log_size = (np.log(np.maximum(ratio, 1e-12)) + values["beta"] * np.log(tokens)) / values["alpha"]
        return np.exp(np.maximum(np.minimum(log_size, 50.0), -50.0))
