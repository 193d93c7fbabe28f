"""What a fit minimises: a robust misfit of log loss, weak priors, and the price of breaking a law's trend.

The cost of parameters is the sum over rows of weight * Huber(ln predicted - ln measured) plus half the squared
deviations from the priors. Rows count alike, or by their standard errors where those are given.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.engine.monotone import Falling, rises
from sweeper.laws.forms.law import Law, Space, log_predicted
from sweeper.laws.tables.points import Points

HUBER_DELTA = 1e-3
"""Of log loss, as in the refits of the Chinchilla law (arXiv 2404.10102)."""
HUBER_SIGMAS = 1.345
"""In standard errors where rows have them: 95 % as efficient as least squares under normal errors (Huber, 1964)."""
_PRIOR_SCALE = HUBER_DELTA * 3e-3
"""Weight of a squared prior deviation: one sd counts like one row that is 0.003 of log loss off."""
_FIRMNESS = 1e3
"""Weight of a squared rise that a law must not have, over that of a squared residual."""


@dataclass(frozen=True)
class Problem:
    """A law and the measured log losses (n,) that it is fitted to."""

    law: Law
    points: Points
    log_loss: Floats
    emphasis: Floats | None = None
    """(n,) how much each row counts in every fit; None: all alike."""
    stderr: Floats | None = None
    """(n,) standard errors of log loss: residuals are taken in these units. None: all rows are as sure as another."""
    falling: Falling | None = None
    """Where the law may not rise with the share; None: wherever the data lead."""

    @property
    def counts(self) -> Floats:
        """(n,) what a squared residual of log loss weighs in every fit."""
        counts = np.ones(len(self.points)) if self.emphasis is None else self.emphasis
        return counts if self.stderr is None else np.asarray(counts / self.stderr**2)

    @property
    def delta(self) -> Floats:
        """(n,) or (): residuals of log loss beyond this count in proportion, not squared."""
        return np.array(HUBER_DELTA) if self.stderr is None else np.asarray(HUBER_SIGMAS * self.stderr)

    @property
    def prior_scale(self) -> float:
        """Weight of a squared prior deviation: 1 where standard errors make the cost a log likelihood."""
        return _PRIOR_SCALE if self.stderr is None else 1.0

    @property
    def firmness(self) -> float:
        """Weight of a squared rise."""
        return _FIRMNESS * float(np.mean(self.counts))


def huber(residuals: Floats, delta: Floats | float = HUBER_DELTA) -> Floats:
    """Huber's loss of each residual."""
    size = np.abs(residuals)
    return np.asarray(np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta)))


def log_residuals(problem: Problem, params: Floats) -> Floats:
    """(m, n) ln predicted - ln measured."""
    return log_predicted(problem.law, params, problem.points) - problem.log_loss


def robust_weights(problem: Problem, residuals: Floats) -> Floats:
    """(m, n) weights that make least squares of Huber's loss: 1 within delta, less beyond."""
    return np.asarray(np.minimum(1.0, problem.delta / np.maximum(np.abs(residuals), 1e-300)))


def cost_of(problem: Problem, space: Space, weights: Floats, params: Floats, residuals: Floats) -> Floats:
    """(m,) costs.

    Args:
        problem: The law and the data.
        space: Its priors.
        weights: (m, n) of the rows, counts included.
        params: (m, p).
        residuals: (m, n) of log loss at `params`.
    """
    deviation = (params - space.prior_mean) / space.prior_sd
    cost = np.sum(weights * huber(residuals, problem.delta), axis=1)
    cost += 0.5 * problem.prior_scale * np.sum(deviation**2, axis=1)
    if problem.falling is not None:
        cost += 0.5 * problem.firmness * np.sum(rises(problem.law, problem.falling, params) ** 2, axis=1)
    return np.asarray(cost)
