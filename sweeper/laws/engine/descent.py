"""The fitting engine: bounded robust least squares, many fits at once.

Minimised is `objective.cost_of` by Levenberg-Marquardt, projected on the bounds; parameters that the law is linear in
are solved for after every step (`projection`). A fit with rows left out or a bootstrap resample is the same problem
with other row weights, so that starts, hold-outs and resamples are all members of one batch: hundreds of small fits
cost about as much as a few. Bounds by projection, not by a transform of the parameters: a transform sends an amplitude
that belongs at 0 to minus infinity, where steps stall, while on its bound it simply stays.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Ints
from sweeper.laws.engine.monotone import rise_slopes, rises
from sweeper.laws.engine.objective import HUBER_DELTA, Problem, cost_of, huber, log_residuals, robust_weights
from sweeper.laws.engine.projection import projected
from sweeper.laws.forms.law import Space

__all__ = ["HUBER_DELTA", "Fitted", "Problem", "fit_groups", "huber", "log_residuals", "normal_equations"]

_BATCH = 300_000
"""Numbers in a batch's Jacobians: keeps them in the processor's cache."""
_STALLED = 3
"""A fit has converged after so many steps in a row that gained less than `_GAIN` of its cost; refused ones are half."""
_GAIN = 1e-4
_SAME = 1e-3
"""Costs this near to each other, relative, are one minimum."""


@dataclass(frozen=True)
class Fitted:
    """The best parameters (groups, p) found, their costs (groups,) and what speaks for them."""

    params: Floats
    cost: Floats
    converged: Bools
    """(groups,) whether the best start stopped by itself, before the iterations were used up."""
    agreeing: Floats
    """(groups,) part of the starts that found the same minimum."""


@dataclass
class _Members:
    """The fits of one batch, as far as they have come; m members."""

    weights: Floats
    params: Floats
    residuals: Floats
    cost: Floats
    gradient: Floats
    normal: Floats
    damping: Floats
    stalled: Floats


def fit_groups(problem: Problem, weights: Floats, starts: Floats, iterations: int = 100) -> Fitted:
    """Fits each group of row weights from several starts and keeps the best.

    Args:
        problem: The law and the data.
        weights: (groups, n) row weights, 0 leaves a row out.
        starts: (groups, starts, p).
        iterations: At most this many steps.
    """
    groups, count, size = starts.shape
    flat, rows = starts.reshape(-1, size), np.repeat(weights * problem.counts, count, axis=0)
    chunk = max(16, _BATCH // (rows.shape[1] * size))
    parts = [
        _descend(problem, rows[i : i + chunk], flat[i : i + chunk], iterations) for i in range(0, len(flat), chunk)
    ]
    params = np.concatenate([part.params for part in parts]).reshape(groups, count, size)
    cost = np.concatenate([part.cost for part in parts]).reshape(groups, count)
    stopped = np.concatenate([part.stalled >= _STALLED for part in parts]).reshape(groups, count)
    best, group = np.argmin(cost, axis=1), np.arange(groups)
    least = cost[group, best]
    agreeing = np.mean(cost <= least[:, None] * (1.0 + _SAME), axis=1)
    return Fitted(params[group, best], least, stopped[group, best], np.asarray(agreeing))


def normal_equations(
    problem: Problem, space: Space, weights: Floats, params: Floats, residuals: Floats
) -> tuple[Floats, Floats]:
    """The cost's gradient (m, p) and its Gauss-Newton matrix (m, p, p)."""
    loss = np.exp(residuals + problem.log_loss)
    jacobian = problem.law.jacobian(params, problem.points) / loss[:, :, None]
    robust = weights * robust_weights(problem, residuals)
    weighted = np.swapaxes(jacobian * robust[:, :, None], 1, 2)
    prior = problem.prior_scale / space.prior_sd**2
    gradient = (weighted @ residuals[:, :, None])[:, :, 0] + prior * (params - space.prior_mean)
    normal = weighted @ jacobian + np.diag(prior)
    if problem.falling is not None:
        slopes = problem.firmness * np.swapaxes(rise_slopes(problem.law, problem.falling, params), 1, 2)
        gradient += (slopes @ rises(problem.law, problem.falling, params)[:, :, None])[:, :, 0]
        normal += slopes @ np.swapaxes(slopes, 1, 2) / problem.firmness
    return np.asarray(gradient), np.asarray(normal)


def _descend(problem: Problem, weights: Floats, starts: Floats, iterations: int) -> _Members:
    """Levenberg-Marquardt on every member; members that have converged are no longer evaluated."""
    space = problem.law.space()
    members = _started(problem, space, weights, np.clip(starts, space.lower, space.upper))
    alive = np.arange(len(starts))
    for _ in range(iterations):
        better = _advance(problem, space, members, alive)
        going = members.stalled[alive] < _STALLED
        moved, alive = alive[better & going], alive[going]
        if alive.size == 0:
            break
        if moved.size > 0:
            members.gradient[moved], members.normal[moved] = normal_equations(
                problem, space, members.weights[moved], members.params[moved], members.residuals[moved]
            )
    return members


def _started(problem: Problem, space: Space, weights: Floats, params: Floats) -> _Members:
    params, residuals = projected(problem, space, weights, params, log_residuals(problem, params))
    cost = cost_of(problem, space, weights, params, residuals)
    gradient, normal = normal_equations(problem, space, weights, params, residuals)
    damping, stalled = np.full(len(params), 1e-2), np.zeros(len(params))
    return _Members(weights, params, residuals, cost, gradient, normal, damping, stalled)


def _advance(problem: Problem, space: Space, members: _Members, alive: Ints) -> Bools:
    """One step of the living members, kept where the cost falls: (alive,)."""
    weights, params, residuals = members.weights[alive], members.params[alive], members.residuals[alive]
    gradient = members.gradient[alive]
    step = _solve(members.normal[alive], gradient, _held(space, params, gradient), members.damping[alive])
    moved = np.clip(params + step, space.lower, space.upper)
    tried, tried_residuals = projected(problem, space, weights, moved, residuals)
    tried_cost = cost_of(problem, space, weights, tried, tried_residuals)
    cost = members.cost[alive]
    better = tried_cost < cost
    gain = np.where(better, (cost - tried_cost) / np.maximum(cost, 1e-300), 0.0)
    won = alive[better]
    members.params[won], members.residuals[won] = tried[better], tried_residuals[better]
    members.cost[won] = tried_cost[better]
    members.damping[alive] = np.clip(members.damping[alive] * np.where(better, 0.3, 5.0), 1e-9, 1e9)
    members.stalled[alive] = np.where(gain > _GAIN, 0.0, members.stalled[alive] + np.where(better, 1.0, 0.5))
    return np.asarray(better)


def _held(space: Space, params: Floats, gradient: Floats) -> Bools:
    at_low = (params <= space.lower) & (gradient >= 0)
    at_high = (params >= space.upper) & (gradient <= 0)
    return np.asarray(at_low | at_high | (space.lower == space.upper))


def _solve(normal: Floats, gradient: Floats, held: Bools, damping: Floats) -> Floats:
    """One damped Gauss-Newton step (m, p); a parameter at its bound that wants to leave it is held."""
    free = ~held
    normal = normal * free[:, :, None] * free[:, None, :]
    diagonal = np.einsum("mii->mi", normal)
    floor = 1e-12 * np.maximum(diagonal.max(axis=1, keepdims=True), 1e-12)
    extra = damping[:, None] * np.maximum(diagonal, floor) + np.where(held, 1.0, floor)
    normal[:, np.arange(normal.shape[1]), np.arange(normal.shape[1])] += extra
    return np.asarray(-np.linalg.solve(normal, (gradient * free)[:, :, None])[:, :, 0])
