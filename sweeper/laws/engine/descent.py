"""The fitting engine: bounded robust least squares, many fits at once.

Minimised is the sum over rows of weight * Huber(ln predicted - ln measured) plus weak normal priors, by
Levenberg-Marquardt with a projection on the bounds. A fit with rows left out or a bootstrap resample is the same
problem with other row weights, so that starts, hold-outs and resamples are all members of one batch: hundreds of small
fits cost about as much as a few.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.forms.law import Law, Space
from sweeper.laws.tables.points import Points

HUBER_DELTA = 1e-3
"""Of log loss, as in the refits of the Chinchilla law (arXiv 2404.10102)."""
_PRIOR_SCALE = HUBER_DELTA * 3e-3
"""Weight of a squared prior deviation: one sd counts like one row that is 0.003 of log loss off."""
_CHUNK = 256
"""Members a batch: keeps the Jacobians in the processor's cache."""


@dataclass(frozen=True)
class Problem:
    """A law and the measured log losses (n,) that it is fitted to."""

    law: Law
    points: Points
    log_loss: Floats
    emphasis: Floats | None = None
    """(n,) how much each row counts in every fit; None: all alike."""


@dataclass(frozen=True)
class Fitted:
    """The best parameters (groups, p) found and their costs (groups,)."""

    params: Floats
    cost: Floats


def fit_groups(problem: Problem, weights: Floats, starts: Floats, iterations: int = 100) -> Fitted:
    """Fits each group of row weights from several starts and keeps the best.

    Args:
        problem: The law and the data.
        weights: (groups, n) row weights, 0 leaves a row out.
        starts: (groups, starts, p).
        iterations: At most this many steps.
    """
    groups, count, size = starts.shape
    emphasis = 1.0 if problem.emphasis is None else problem.emphasis
    flat, rows = starts.reshape(-1, size), np.repeat(weights * emphasis, count, axis=0)
    parts = [
        _descend(problem, rows[i : i + _CHUNK], flat[i : i + _CHUNK], iterations) for i in range(0, len(flat), _CHUNK)
    ]
    params = np.concatenate([part.params for part in parts]).reshape(groups, count, size)
    cost = np.concatenate([part.cost for part in parts]).reshape(groups, count)
    best = np.argmin(cost, axis=1)
    return Fitted(params[np.arange(groups), best], cost[np.arange(groups), best])


def huber(residuals: Floats) -> Floats:
    """Huber's loss of each residual, with `HUBER_DELTA`."""
    size = np.abs(residuals)
    return np.asarray(np.where(size <= HUBER_DELTA, 0.5 * size**2, HUBER_DELTA * (size - 0.5 * HUBER_DELTA)))


def log_residuals(problem: Problem, params: Floats) -> Floats:
    """(m, n) ln predicted - ln measured; a law that goes below zero is as wrong as one near zero."""
    return np.asarray(np.log(np.maximum(problem.law.predict(params, problem.points), 1e-6)) - problem.log_loss)


def _cost(problem: Problem, space: Space, weights: Floats, params: Floats, residuals: Floats) -> Floats:
    deviation = (params - space.prior_mean) / space.prior_sd
    misfit = np.sum(weights * huber(residuals), axis=1)
    return np.asarray(misfit + 0.5 * _PRIOR_SCALE * np.sum(deviation**2, axis=1))


def _descend(problem: Problem, weights: Floats, starts: Floats, iterations: int) -> Fitted:
    """Levenberg-Marquardt on every member; members that have converged are no longer evaluated."""
    space = problem.law.space()
    params = np.clip(starts, space.lower, space.upper)
    residuals = log_residuals(problem, params)
    cost = _cost(problem, space, weights, params, residuals)
    damping = np.full(len(params), 1e-2)
    stalled = np.zeros(len(params), dtype=np.int64)
    alive = np.arange(len(params))
    for _ in range(iterations):
        step = _step(problem, space, weights[alive], params[alive], residuals[alive], damping[alive])
        tried = np.clip(params[alive] + step, space.lower, space.upper)
        tried_residuals = log_residuals(problem, tried)
        tried_cost = _cost(problem, space, weights[alive], tried, tried_residuals)
        better = tried_cost < cost[alive]
        gain = np.where(better, (cost[alive] - tried_cost) / np.maximum(cost[alive], 1e-300), 0.0)
        won = alive[better]
        params[won], residuals[won], cost[won] = tried[better], tried_residuals[better], tried_cost[better]
        damping[alive] = np.clip(damping[alive] * np.where(better, 0.3, 5.0), 1e-9, 1e9)
        stalled[alive] = np.where(gain > 1e-4, 0, stalled[alive] + 1)
        alive = alive[stalled[alive] < 6]
        if alive.size == 0:
            break
    return Fitted(params, cost)


def _step(
    problem: Problem, space: Space, weights: Floats, params: Floats, residuals: Floats, damping: Floats
) -> Floats:
    """One damped Gauss-Newton step (m, p); a parameter at its bound that wants to leave it stays."""
    loss = np.maximum(problem.law.predict(params, problem.points), 1e-6)
    jacobian = problem.law.jacobian(params, problem.points) / loss[:, :, None]
    robust = weights * np.minimum(1.0, HUBER_DELTA / np.maximum(np.abs(residuals), 1e-300))
    weighted = np.swapaxes(jacobian * robust[:, :, None], 1, 2)
    prior = _PRIOR_SCALE / space.prior_sd**2
    gradient = (weighted @ residuals[:, :, None])[:, :, 0] + prior * (params - space.prior_mean)
    normal = weighted @ jacobian + np.diag(prior)
    held = _held(space, params, gradient)
    return _solve(normal, gradient, held, damping)


def _held(space: Space, params: Floats, gradient: Floats) -> Bools:
    at_low = (params <= space.lower) & (gradient >= 0)
    at_high = (params >= space.upper) & (gradient <= 0)
    return np.asarray(at_low | at_high | (space.lower == space.upper))


def _solve(normal: Floats, gradient: Floats, held: Bools, damping: Floats) -> Floats:
    free = ~held
    normal = normal * free[:, :, None] * free[:, None, :]
    diagonal = np.einsum("mii->mi", normal)
    floor = 1e-12 * np.maximum(diagonal.max(axis=1, keepdims=True), 1e-12)
    extra = damping[:, None] * np.maximum(diagonal, floor) + np.where(held, 1.0, floor)
    normal[:, np.arange(normal.shape[1]), np.arange(normal.shape[1])] += extra
    return np.asarray(-np.linalg.solve(normal, (gradient * free)[:, :, None])[:, :, 0])
