"""Variable projection: parameters that a law is linear in are solved for, not searched.

Whatever the exponents, the best amplitudes are those of a linear least squares problem. Solving it after every step
leaves the descent the exponents alone, whose valley is short. The step is kept only where the cost falls, so that
the approximations here (relative in place of log residuals, robust weights of the step before) cost nothing but speed.
Source: Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973) 413.
"""

from typing import NamedTuple

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Ints
from sweeper.laws.engine.objective import Problem, log_residuals, robust_weights
from sweeper.laws.forms.law import LEAST_LOSS, Law, Space

_LEAST_LOG = np.log(LEAST_LOSS)
_PASSES = 4
"""Times that amplitudes outside their bounds are put on them and the rest solved again."""


def linear_columns(law: Law) -> Ints:
    """Positions of the parameters that the law's loss is jointly linear in; a law may name them as `linear`."""
    names: tuple[str, ...] = getattr(law, "linear", ())
    return np.array([law.names.index(name) for name in names], dtype=np.int64)


def projected(
    problem: Problem, space: Space, weights: Floats, params: Floats, residuals: Floats
) -> tuple[Floats, Floats]:
    """Parameters (m, p) with the linear ones solved for, the others as they are, and their residuals (m, n).

    Args:
        problem: The law and the data.
        space: Bounds and priors.
        weights: (m, n) of the rows, counts included.
        params: (m, p).
        residuals: (m, n) of log loss from which rows are known to be outliers.
    """
    linear = linear_columns(problem.law)
    if linear.size == 0 or problem.falling is not None:  # the price of a rise is no part of the linear problem
        return params, log_residuals(problem, params)
    system = linear_system(problem, space, weights * robust_weights(problem, residuals), params, linear)
    solved = bounded_solution(system.normal, system.moment, space.lower[linear], space.upper[linear])
    result = params.copy()
    result[:, linear] = solved
    relative = system.rest + (system.basis @ solved[:, :, None])[:, :, 0]
    return result, np.asarray(np.maximum(np.log(np.maximum(relative, 1e-300)), _LEAST_LOG - problem.log_loss))


class LinearSystem(NamedTuple):
    """The least squares problem of the linear parameters: relative losses are rest + basis @ linear."""

    normal: Floats
    """(m, k, k)"""
    moment: Floats
    """(m, k)"""
    basis: Floats
    """(m, n, k) predicted over measured loss, by each linear parameter."""
    rest: Floats
    """(m, n) the part of predicted over measured loss that does not depend on them."""


def linear_system(problem: Problem, space: Space, weights: Floats, params: Floats, linear: Ints) -> LinearSystem:
    """The problem of the linear parameters, the others as they are.

    Args:
        problem: The law and the data.
        space: Bounds and priors.
        weights: (m, n) or (n,) of the squared relative errors.
        params: (m, p).
        linear: (k,) positions of the linear parameters.
    """
    measured = np.exp(problem.log_loss)
    basis = problem.law.jacobian(params, problem.points)[:, :, linear] / measured[:, None]
    part = (basis @ params[:, linear][:, :, None])[:, :, 0]
    rest = problem.law.predict(params, problem.points) / measured - part
    weighted = np.swapaxes(basis * weights[..., None], 1, 2)
    prior = problem.prior_scale / space.prior_sd[linear] ** 2
    moment = (weighted @ (1.0 - rest)[:, :, None])[:, :, 0] + prior * space.prior_mean[linear]
    return LinearSystem(np.asarray(weighted @ basis + np.diag(prior)), np.asarray(moment), basis, rest)


def bounded_solution(normal: Floats, moment: Floats, lower: Floats, upper: Floats) -> Floats:
    """(m, k) least squares solutions within bounds: what falls outside is put on its bound, the rest solved again.

    Args:
        normal: (m, k, k) normal matrices.
        moment: (m, k) right hand sides.
        lower: (k,)
        upper: (k,)
    """
    free = np.ones(moment.shape, dtype=np.bool_)
    solution = np.broadcast_to(lower, moment.shape)
    for _ in range(_PASSES):
        solution = np.where(free, _free_solution(normal, moment, solution, free), solution)
        outside = free & ((solution < lower) | (solution > upper))
        solution = np.clip(solution, lower, upper)
        if not outside.any():
            break
        free &= ~outside
    return np.asarray(solution)


def _free_solution(normal: Floats, moment: Floats, fixed: Floats, free: Bools) -> Floats:
    """Solves for the free ones, the others where they are fixed."""
    size = normal.shape[1]
    held = np.where(free, 0.0, fixed)
    right = np.where(free, moment - (normal @ held[:, :, None])[:, :, 0], 0.0)
    matrix = normal * free[:, :, None] * free[:, None, :]
    ridge = 1e-11 * np.maximum(np.einsum("mii->mi", normal).max(axis=1, keepdims=True), 1e-300)
    matrix[:, np.arange(size), np.arange(size)] += np.where(free, ridge, 1.0)
    return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])
