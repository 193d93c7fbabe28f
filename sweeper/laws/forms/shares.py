"""Terms and parameters that the D-CPT law and its rivals have in common."""

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import Stated, Values
from sweeper.laws.tables.points import Points

BETA = Stated("beta", 0.01, 2.0, (0.05, 1.2), prior_mean=0.4, prior_sd=0.5)
"""Exponent of tokens."""
GAMMA = Stated("gamma", 0.01, 3.0, (0.05, 1.0), prior_mean=0.3, prior_sd=0.5)
"""Exponent of the share in the term of forgetting."""
LN_EPSILON = Stated("ln_epsilon", np.log(1e-3), 0.0, (np.log(2e-3), np.log(0.6)), np.log(0.05), 2.0)
"""Keeps that term finite where a corpus is in no mixture."""


def forgetting(values: Values, points: Points) -> Floats:
    """(r + eps)^-gamma, (m, n)."""
    return (points.share + np.exp(values["ln_epsilon"])) ** -values["gamma"]


def forgetting_derivatives(values: Values, points: Points) -> dict[str, Floats]:
    """Of C (r + eps)^-gamma by C, gamma and ln eps."""
    eps = np.exp(values["ln_epsilon"])
    floor = points.share + eps
    unit = floor ** -values["gamma"]
    term = values["C"] * unit
    return {"C": unit, "gamma": -term * np.log(floor), "ln_epsilon": -term * values["gamma"] * eps / floor}
