"""Covariance of fitted parameters without resampling: curvature on both sides of the scatter between runs.

    covariance = A^-1 V A^-1,   A = E[psi'] J'W J + prior,   V = sum over runs of g g'

psi is the slope of Huber's loss, g a run's gradient. Rows of one run share its luck, so a run is one observation,
however many checkpoints it has. Sources: Huber (1967) for the sandwich, Liang and Zeger (Biometrika 73, 1986) for
clusters.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.engine.objective import Problem, log_residuals
from sweeper.laws.forms.law import Space

_WIDTH = 0.4
"""Part of the residuals' spread over which their density at 0 is estimated, where that is wider than delta."""
_MAD = 1.4826
"""Standard deviation over median absolute deviation of a normal distribution."""


@dataclass(frozen=True)
class Curvature:
    """What the data say of parameters about a fit."""

    free: Bools
    """(p,) neither fixed nor stopped by a bound."""
    information: Floats
    """(p, p) curvature of the misfit, without priors."""
    scatter: Floats
    """(p, p) sum over runs of their gradients' squares, corrected for few runs."""
    slope: Floats
    """(p,) gradient of the cost: 0 but for parameters that a bound stops."""
    prior: Floats
    """(p,) curvature of the priors."""
    psi_slope: float
    """Mean slope of psi, by which squared errors are curved less than weights say."""

    @property
    def covariance(self) -> Floats:
        """(p, p); 0 for parameters that are not free."""
        bread = self._bread()
        return np.asarray(bread @ self.scatter @ bread)

    @property
    def dispersion(self) -> float:
        """By how much the misfit has to be divided to be a log likelihood: tr(A^-1 V) over the parameters.

        Source: the magnitude adjustment of Pauli, Racugno and Ventura (Statistica Sinica 21, 2011) and Ribatet, Cooley
        and Davison (Statistica Sinica 22, 2012) for likelihoods that take dependent rows for independent ones.
        """
        return max(float(np.trace(self._bread() @ self.scatter)) / max(int(self.free.sum()), 1), 1e-300)

    def _bread(self) -> Floats:
        return _inverse(self.information + np.diag(self.prior), self.free)


def curvature_at(problem: Problem, params: Floats, runs: NDArray[np.generic]) -> Curvature:
    """Curvature and scatter at fitted parameters.

    Args:
        problem: The law and the data.
        params: (p,) the fit.
        runs: (n,) the run of each row.
    """
    space, counts = problem.law.space(), problem.counts
    residuals = log_residuals(problem, params[None])[0]
    loss = np.exp(residuals + problem.log_loss)
    jacobian = problem.law.jacobian(params[None], problem.points)[0] / loss[:, None]
    pull = counts * np.clip(residuals, -problem.delta, problem.delta)
    prior = problem.prior_scale / space.prior_sd**2
    slope = jacobian.T @ pull + prior * (params - space.prior_mean)
    free = _free(space, params, slope)
    psi_slope = _slope_of_psi(problem, residuals)
    information = psi_slope * (jacobian.T * counts) @ jacobian
    return Curvature(free, information, _scatter(jacobian, pull, runs, int(free.sum())), slope, prior, psi_slope)


def sandwich(problem: Problem, params: Floats, runs: NDArray[np.generic]) -> Floats:
    """(p, p) covariance of fitted parameters; 0 for those that are fixed or stopped by a bound.

    Args:
        problem: The law and the data.
        params: (p,) the fit.
        runs: (n,) the run of each row.
    """
    return curvature_at(problem, params, runs).covariance


def _slope_of_psi(problem: Problem, residuals: Floats) -> float:
    """Mean of psi': the part of rows within delta, from the residuals' density where delta is narrow."""
    size = np.abs(residuals) / problem.delta
    width = max(1.0, _WIDTH * _MAD * float(np.median(size)))
    return max(float(np.average(size <= width, weights=problem.counts)), 1.0 / len(size)) / width


def _scatter(jacobian: Floats, pull: Floats, runs: NDArray[np.generic], free: int) -> Floats:
    names, run = np.unique(runs, return_inverse=True)
    gradients = np.zeros((len(names), jacobian.shape[1]))
    np.add.at(gradients, run, jacobian * pull[:, None])
    few, rows = len(names), len(pull)
    correction = few / max(few - 1, 1) * (rows - 1) / max(rows - free, 1)
    return np.asarray(correction * gradients.T @ gradients)


def _free(space: Space, params: Floats, slope: Floats) -> Bools:
    at_low, at_high = params <= space.lower, params >= space.upper
    return np.asarray(~((at_low & (slope >= 0)) | (at_high & (slope <= 0)) | (space.lower == space.upper)))


def _inverse(matrix: Floats, free: Bools) -> Floats:
    """Of the free block, in units in which its diagonal is 1; 0 elsewhere."""
    result = np.zeros_like(matrix)
    at = np.ix_(free, free)
    scale = np.sqrt(np.maximum(np.diag(matrix)[free], 1e-300))
    result[at] = np.linalg.pinv(matrix[at] / np.outer(scale, scale), rcond=1e-13, hermitian=True)
    result[at] /= np.outer(scale, scale)
    return result
