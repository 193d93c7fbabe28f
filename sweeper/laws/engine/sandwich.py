"""Covariance of fitted parameters without resampling: curvature on both sides of the scatter between runs.

    covariance = A^-1 V A^-1,   A = E[psi'] J'W J + prior,   V = sum over runs of g g'

psi is the slope of Huber's loss, g a run's gradient. Rows of one run share its luck, so a run is one observation,
however many checkpoints it has. A fit bends towards each run, the more the fewer there are, so that g is too small: it
is enlarged to what it would be at a fit without that run, (I - A_run A^-1)^-1 g. That is the jackknife over runs to
first order. Sources: Huber (1967) for the sandwich, Liang and Zeger (Biometrika 73, 1986) for clusters, Bell and
McCaffrey (Survey Methodology 28, 2002) for few of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.engine.objective import Problem, log_residuals
from sweeper.laws.forms.law import Space

_LEVERAGE = 0.99
"""Largest part of what is known of a direction that one run may be taken to give: the rest bounds its enlargement."""
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
    """(p, p) sum over runs of their gradients' squares, each as at a fit without the run."""
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
    parts, gradients = _by_run(jacobian, psi_slope * counts, pull, runs)
    information = parts.sum(axis=0)
    scatter = np.zeros_like(information)
    scatter[np.ix_(free, free)] = _scatter(
        (information + np.diag(prior))[np.ix_(free, free)], parts[:, free][:, :, free], gradients[:, free]
    )
    return Curvature(free, information, scatter, slope, prior, psi_slope)


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


def _by_run(jacobian: Floats, weights: Floats, pull: Floats, runs: NDArray[np.generic]) -> tuple[Floats, Floats]:
    """Information (runs, p, p) and gradient (runs, p) of each run."""
    groups = [np.flatnonzero(runs == name) for name in np.unique(runs)]
    information = np.array([(jacobian[rows].T * weights[rows]) @ jacobian[rows] for rows in groups])
    return information, np.array([jacobian[rows].T @ pull[rows] for rows in groups])


def _scatter(bread: Floats, parts: Floats, gradients: Floats) -> Floats:
    """(d, d) sum of the enlarged gradients' squares, times (runs - 1)/runs as in a jackknife.

    Args:
        bread: (d, d) information of all runs and priors.
        parts: (runs, d, d) information of each.
        gradients: (runs, d)
    """
    scale = np.sqrt(np.maximum(np.diag(bread), 1e-300))
    values, vectors = np.linalg.eigh(bread / np.outer(scale, scale))
    known = values > 1e-13
    whiten = (vectors[:, known] / np.sqrt(values[known])).T / scale
    back = (vectors[:, known] * np.sqrt(values[known])) * scale[:, None]
    leverage, axes = np.linalg.eigh(whiten @ parts @ whiten.T)
    along = np.swapaxes(axes, 1, 2) @ (gradients @ whiten.T)[:, :, None]
    enlarged = (axes @ (along / (1.0 - np.minimum(leverage, _LEVERAGE))[:, :, None]))[:, :, 0] @ back.T
    return np.asarray((len(parts) - 1) / len(parts) * enlarged.T @ enlarged)


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
