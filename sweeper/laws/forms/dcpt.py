"""The D-CPT law, form L3.

    L(N, D, r) = E + A/N^alpha + B r^eta / D^beta + C / (r + eps)^gamma

r is the share of the corpus whose loss it is. Known limits: it ignores the base loss, diverges as D goes to 0, and
cannot rise with D, as the general loss of a continual pre-training run does. That it falls with r is not automatic: an
eta below 1 breaks it near r = 0. Source: Que et al., NeurIPS 2024, arXiv 2406.01375.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.forms.formula import FormulaLaw, Stated, Values, amplitude
from sweeper.laws.forms.law import LEAST_TOKENS, Frame, relative_tokens
from sweeper.laws.forms.level import level, level_derivatives, level_parameters
from sweeper.laws.forms.repetition import R_STAR, effective_tokens
from sweeper.laws.forms.shares import BETA, GAMMA, LN_EPSILON, forgetting, forgetting_derivatives
from sweeper.laws.forms.trends import Limit, Trend
from sweeper.laws.tables.points import Points

_ETA = Stated("eta", 0.01, 3.0, (0.05, 1.5), prior_mean=0.5, prior_sd=1.0)


@dataclass(frozen=True)
class DCpt(FormulaLaw):
    """See the module's text. N is taken over the largest measured N, D over the largest measured D."""

    frame: Frame

    name = "dcpt"
    formula = "L = E + A/N^alpha + B r^eta/D^beta + C/(r+eps)^gamma"
    source = "D-CPT law, form L3: Que et al., NeurIPS 2024, arXiv 2406.01375."
    trends: ClassVar[tuple[Trend, ...]] = (
        Trend("tokens", -1),
        Trend("params", -1, "from three sizes on"),
        Trend("share", -1, "where B eta r^(eta-1) (r+eps)^(gamma+1) < C gamma D^beta"),
    )
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("tokens", np.inf, "finite", "E + A/N^alpha + C/(r+eps)^gamma"),
        Limit("tokens", 0.0, "diverges", "B r^eta/D^beta, unless r = 0"),
        Limit("share", 0.0, "finite", "E + A/N^alpha + C/eps^gamma, whatever D"),
    )

    def parameters(self) -> tuple[Stated, ...]:
        """Amplitudes are non-negative; priors only keep unidentified exponents in reach."""
        return (
            amplitude("B", self.frame), amplitude("C", self.frame), BETA, _ETA, GAMMA, LN_EPSILON,
            *level_parameters(self.frame),
        )  # fmt: skip

    def loss(self, values: Values, points: Points) -> Floats:
        """(m, n) losses."""
        learning = points.share ** values["eta"] * self.relative_tokens(values, points) ** -values["beta"]
        return level(self.frame, values, points) + values["B"] * learning + values["C"] * forgetting(values, points)

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """Of the loss by each parameter."""
        tokens = self.relative_tokens(values, points)
        learning = points.share ** values["eta"] * tokens ** -values["beta"]
        term = values["B"] * learning
        return {
            "B": learning,
            "beta": -term * np.log(tokens),
            "eta": term * np.log(np.maximum(points.share, 1e-300)),
            **forgetting_derivatives(values, points),
            **level_derivatives(self.frame, values, points),
        }

    def trend_holds(self, column: str, params: Floats, points: Points) -> Bools:
        """Falling with the own share is a condition on the parameters and the place."""
        if column != "share":
            return super().trend_holds(column, params, points)
        values = self.values(params)
        share = np.maximum(points.share, 1e-12)
        floor = share + np.exp(values["ln_epsilon"])
        rise = values["B"] * values["eta"] * share ** (values["eta"] - 1.0) * floor ** (values["gamma"] + 1.0)
        return np.asarray(rise < values["C"] * values["gamma"] * self.relative_tokens(values, points) ** values["beta"])

    def relative_tokens(self, values: Values, points: Points) -> Floats:
        """D over the largest measured D."""
        return relative_tokens(self.frame, points)


@dataclass(frozen=True)
class DCptRepeats(DCpt):
    """D-CPT L3 with D replaced by the effective tokens D' of repeated text (`repetition.py`)."""

    name = "dcpt-repeats"
    formula = f"{DCpt.formula} with D' = U + U R* (1 - exp(-(D/U - 1)/R*)) for D"
    source = f"{DCpt.source} Effective tokens: Muennighoff et al., NeurIPS 2023, arXiv 2305.16264."
    limits = (
        Limit("tokens", np.inf, "finite", "the loss at D' = U (1 + R*)"),
        *DCpt.limits[1:],
    )

    def parameters(self) -> tuple[Stated, ...]:
        """R* besides."""
        return *super().parameters(), R_STAR

    def derivatives(self, values: Values, points: Points) -> dict[str, Floats]:
        """The tokens move with R*."""
        r_star = np.exp(values["ln_R_star"])
        worth = effective_tokens(points.tokens, points.unique_tokens, r_star)
        found = super().derivatives(values, points)
        moved = r_star * worth.by_r_star / np.maximum(worth.tokens, 1e-300)
        return {**found, "ln_R_star": -values["B"] * values["beta"] * found["B"] * moved}

    def relative_tokens(self, values: Values, points: Points) -> Floats:
        """D' over the largest measured D."""
        worth = effective_tokens(points.tokens, points.unique_tokens, np.exp(values["ln_R_star"])).tokens
        return np.asarray(np.maximum(worth / self.frame.tokens, LEAST_TOKENS))
