"""What repeated text is worth: the factor of data-constrained training, usable inside any law of tokens.

    D' = U + U R* (1 - exp(-R/R*)),    R = D/U - 1

U are the distinct tokens among D, R the repetitions after the first pass, R* how many of them go by until a further one
is worth 1/e of fresh text; D' tends to U (1 + R*). Source: Muennighoff et al., NeurIPS 2023, arXiv 2305.16264, equation
5 (R* = 15.39 in pre-training).
"""

from typing import NamedTuple

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.formula import Stated

R_STAR = Stated("ln_R_star", np.log(0.3), np.log(300.0), (np.log(2.0), np.log(40.0)), np.log(15.0), 1.0)
"""R* of tokens, within a law."""


class Effective(NamedTuple):
    """Effective tokens and their derivatives, (m, n) each."""

    tokens: Floats
    by_r_star: Floats
    by_tokens: Floats


def effective_tokens(tokens: Floats, unique: Floats, r_star: Floats) -> Effective:
    """Tokens of fresh text that `tokens` with `unique` distinct ones among them are worth.

    Args:
        tokens: (n,) training tokens.
        unique: (n,) distinct ones; where all are, the result is `tokens`.
        r_star: (m, 1), above 0.
    """
    distinct = np.maximum(np.minimum(unique, tokens), 1e-300)
    passed = np.maximum(tokens / distinct - 1.0, 0.0) / r_star
    left = np.exp(-passed)
    worth = distinct * (1.0 - r_star * np.expm1(-passed))
    return Effective(worth, distinct * (1.0 - left * (1.0 + passed)), left)
