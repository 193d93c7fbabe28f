"""A posterior of parameters by draws: importance sampling about the fit, where the valley is straight.

The log density is minus the misfit over its dispersion, which makes it a likelihood although a run's rows are no
independent observations (see `sandwich`), minus half the squared prior deviations; outside the bounds it is 0.

Amplitudes and exponents lie in a curved valley that chains creep through. So exponents are proposed by themselves,
and the amplitudes, in which a law is linear, about their least squares solution for those exponents: a shear, that
leaves volumes as they are and makes the valley straight. Proposals are Student's t; their center and scale are learnt
in a few rounds, and each draw is weighted by its density over that of all rounds' proposals (Cornuet et al., Scand.
J. Stat. 39, 2012). The weights say what the draws are worth; the draws given are resampled by them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.laws.arrays import Floats, Ints
from sweeper.laws.engine.objective import Problem, cost_of, log_residuals, robust_weights
from sweeper.laws.engine.projection import bounded_solution, linear_columns, linear_system
from sweeper.laws.engine.sandwich import Curvature, curvature_at
from sweeper.laws.engine.student import Student, standard_draws, standard_log_density
from sweeper.laws.forms.law import Space

_ROUNDS = 4
_CHUNK = 256
_WIDER = 1.2
"""Scale of proposals over that of what they propose for."""


@dataclass(frozen=True)
class Posterior:
    """Draws of the parameters and what they are worth."""

    samples: Floats
    """(draws, p), equally likely; a draw may come several times."""
    effective: float
    """Number of independent draws that they are worth."""
    proposed: int
    """Proposals they were chosen from."""


@dataclass(frozen=True)
class _Target:
    """What is sampled: exponents by themselves, amplitudes given them; parameters that are held are neither."""

    problem: Problem
    space: Space
    center: Floats
    curvature: Curvature
    exponents: Ints
    amplitudes: Ints
    row_weights: Floats
    """(n,) of squared relative errors, as at the fit."""

    def log_density(self, params: Floats) -> Floats:
        """(m,)"""
        inside = np.all((params >= self.space.lower) & (params <= self.space.upper), axis=1)
        at = np.clip(params, self.space.lower, self.space.upper)
        flat = Space(self.space.lower, self.space.upper, self.space.prior_mean, np.full_like(self.center, np.inf))
        weights = np.broadcast_to(self.problem.counts, (len(at), len(self.problem.points)))
        misfit = cost_of(self.problem, flat, weights, at, log_residuals(self.problem, at))
        deviation = (at - self.space.prior_mean) / self.space.prior_sd
        value = -misfit / self.curvature.dispersion - 0.5 * np.sum(deviation**2, axis=1)
        return np.where(inside, value, -np.inf)

    def with_amplitudes(self, exponents: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Whole parameter vectors (m, p) for exponents (m, d), and the log density (m,) of the amplitudes' proposal."""
        params = np.repeat(self.center[None], len(exponents), axis=0)
        params[:, self.exponents] = exponents
        if self.amplitudes.size == 0:
            return params, np.zeros(len(params))
        at, space = self.amplitudes, self.space
        inside = np.clip(params, space.lower, space.upper)
        system = linear_system(self.problem, space, self.row_weights, inside, at)
        center = bounded_solution(system.normal, system.moment, space.lower[at], space.upper[at])
        root = _inverse_root(system.normal * (self.curvature.psi_slope / self.curvature.dispersion))
        steps = standard_draws(rng, len(params), at.size)
        params[:, at] = center + _WIDER * (root @ steps[:, :, None])[:, :, 0]
        return params, standard_log_density(steps) - np.linalg.slogdet(_WIDER * root)[1]


def posterior(
    problem: Problem, params: Floats, runs: NDArray[np.generic], rng: np.random.Generator, draws: int = 4000
) -> Posterior:
    """Draws parameters from their posterior.

    Args:
        problem: The law and the data.
        params: (p,) the fit.
        runs: (n,) the run of each row.
        rng: Of all proposals.
        draws: How many to give; twice as many are proposed.
    """
    target = _target(problem, params, runs)
    proposals, found, inner, values = [_first(target)], np.empty((0, len(params))), np.empty(0), np.empty(0)
    count = -(-2 * draws // _ROUNDS)
    for _ in range(_ROUNDS):
        parts = [_proposed(target, proposals[-1], min(_CHUNK, count - i), rng) for i in range(0, count, _CHUNK)]
        found = np.concatenate([found, *(part[0] for part in parts)])
        inner = np.concatenate([inner, *(part[1] for part in parts)])
        values = np.concatenate([values, *(part[2] for part in parts)])
        weights = _weights(target, proposals, found, inner, values)
        proposals.append(_learnt(found[:, target.exponents], weights, proposals[0]))
    effective = float(1.0 / np.sum(weights**2))
    return Posterior(found[_resampled(weights, draws, rng)], effective, len(found))


def _target(problem: Problem, params: Floats, runs: NDArray[np.generic]) -> _Target:
    space = problem.law.space()
    moving = np.flatnonzero(space.lower < space.upper)
    linear = linear_columns(problem.law) if problem.falling is None else np.empty(0, dtype=np.int64)
    amplitudes, exponents = np.intersect1d(moving, linear), np.setdiff1d(moving, linear)
    robust = problem.counts * robust_weights(problem, log_residuals(problem, params[None]))[0]
    return _Target(problem, space, params, curvature_at(problem, params, runs), exponents, amplitudes, robust)


def _first(target: _Target) -> Student:
    """As the curvature at the fit implies.

    A parameter that a bound stops falls off from it like an exponential, whose spread is 1 over the slope. What the
    data do not know has the spread of what is allowed.
    """
    curvature, space, moving = target.curvature, target.space, target.space.lower < target.space.upper
    slope = np.where(curvature.free, 0.0, curvature.slope) / curvature.dispersion
    allowed = np.minimum(space.prior_sd, (space.upper - space.lower) / np.sqrt(12.0))
    precision = curvature.information / curvature.dispersion
    precision = precision + np.diag(slope**2 + 1.0 / np.where(moving, allowed, 1.0) ** 2)
    precision[~moving] = precision[:, ~moving] = 0.0
    precision[~moving, ~moving] = 1.0
    covariance = np.linalg.inv(precision)[np.ix_(target.exponents, target.exponents)]
    return Student(target.center[target.exponents], _WIDER * np.linalg.cholesky(covariance))


def _proposed(
    target: _Target, proposal: Student, count: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Parameters (count, p), the log density of their amplitudes' proposal and their own, (count,) each."""
    params, inner = target.with_amplitudes(proposal.draw(rng, count), rng)
    return params, inner, target.log_density(params)


def _weights(target: _Target, proposals: list[Student], found: Floats, inner: Floats, values: Floats) -> Floats:
    """(m,) normalised: density over the mean of the proposals' densities."""
    exponents = found[:, target.exponents]
    outer = np.logaddexp.reduce([proposal.log_density(exponents) for proposal in proposals], axis=0)
    logs = values - inner - outer
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _learnt(exponents: Floats, weights: Floats, first: Student) -> Student:
    """The proposal that has the weighted draws' mean and covariance, with a little of the first's scale."""
    center = weights @ exponents
    deviations = exponents - center
    covariance = (deviations.T * weights) @ deviations + 0.01 * first.root @ first.root.T
    return Student(center, np.asarray(_WIDER * np.linalg.cholesky(covariance)))


def _inverse_root(matrix: Floats) -> Floats:
    """(m, k, k) roots of the inverses: root root' = matrix^-1; what is unknown is cut off."""
    scale = np.sqrt(np.maximum(np.einsum("mii->mi", matrix), 1e-300))
    values, vectors = np.linalg.eigh(matrix / (scale[:, :, None] * scale[:, None, :]))
    return np.asarray(vectors / np.sqrt(np.maximum(values, 1e-10))[:, None, :] / scale[:, :, None])


def _resampled(weights: Floats, count: int, rng: np.random.Generator) -> Ints:
    """(count,) positions, systematically: as near to the weights as whole numbers can be."""
    steps = (rng.random() + np.arange(count)) / count
    return np.asarray(rng.permutation(np.minimum(np.searchsorted(np.cumsum(weights), steps), len(weights) - 1)))
