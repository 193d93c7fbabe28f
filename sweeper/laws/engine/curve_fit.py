"""The posterior of a curve law: the best shape, shapes about it, and for each the amplitudes and deviations."""

from dataclasses import dataclass, replace

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.engine.evidence import CurvePoints, Design, Evidence
from sweeper.laws.engine.wander import onset

_TRIED = 40
_STARTS = 3


@dataclass(frozen=True)
class Effort:
    """How much work a fit is worth."""

    rows: int
    """About how many rows decide the shape: each step costs their cube."""
    proposals: int
    """Shapes looked at about the best."""
    shapes: int
    """Shapes kept of the posterior."""


FULL = Effort(rows=150, proposals=160, shapes=16)
FOLD = Effort(rows=110, proposals=48, shapes=6)
"""For rows left out: their errors are pooled over folds."""
_ROUNDS_OF_DOUBT = 3
"""One wild row hides behind the noise that it makes; each round uncovers more of it."""
_OUTLIER = 4.0
"""Standard deviations from what the other rows say beyond which a row is doubted."""


@dataclass(frozen=True)
class Weights:
    """Normal posterior of amplitudes and deviations at one shape."""

    shape: Floats
    scales: Floats
    mean: Floats
    """(k,)"""
    root: Floats
    """(k, k): root @ root.T is the covariance."""


@dataclass(frozen=True)
class CurvePosterior:
    """Draws of whole curves."""

    evidence: Evidence
    best: Floats
    """(p,) standardised values at the maximum."""
    standard: Floats
    """(shapes, p)"""
    weights: tuple[Weights, ...]

    def mean(self, points: CurvePoints) -> Floats:
        """(n,) expected log change."""
        design = replace(self.evidence.design, points=points)
        return np.asarray(np.mean([_features(design, each) @ each.mean for each in self.weights], axis=0))

    def draws(self, points: CurvePoints, normal: Floats) -> Floats:
        """(draws, n) log changes; row i of `normal` (draws, k) stands for one possible world, whatever the points."""
        design = replace(self.evidence.design, points=points)
        result = np.empty((len(normal), len(points)))
        for i, each in enumerate(self.weights):
            mine = slice(i, None, len(self.weights))
            result[mine] = (each.mean + normal[mine] @ each.root.T) @ _features(design, each).T
        return result

    def noise(self, points: CurvePoints) -> Floats:
        """(n,) standard deviation of the log loss of a single new run about the expected one."""
        deviations = np.mean([each.scales[1:] ** 2 for each in self.weights], axis=0)
        return np.asarray(np.sqrt(deviations[0] * onset(points.area) ** 2 + deviations[1]))


def fit_curve(
    evidence: Evidence, rng: np.random.Generator, effort: Effort = FULL, warm: Floats | None = None
) -> CurvePosterior:
    """Finds the posterior's maximum from several starts, then draws shapes about it.

    Args:
        evidence: Law and rows.
        rng: Draws starts and shapes.
        effort: How much work it is worth.
        warm: (p,) standardised values to start from in place of random ones, as for rows left out.
    """
    keep = _thinned(evidence, effort.rows)
    some = evidence.rows(keep)
    best = _maximum(some, _starts(some, rng) if warm is None else warm[None])
    for _ in range(_ROUNDS_OF_DOUBT):
        doubt = _doubt(some, best)
        if np.allclose(doubt, some.doubt):
            break
        some = replace(some, doubt=doubt)
        best = _maximum(some, best[None])
    evidence = replace(evidence, doubt=_put(evidence.doubt, keep, some.doubt))
    standard = _shapes_about(some, best, rng, effort)
    return CurvePosterior(evidence, best, standard, tuple(weights_at(evidence, each) for each in standard))


def weights_at(evidence: Evidence, standard: Floats) -> Weights:
    """Amplitudes and deviations given the shape: a linear Gaussian posterior."""
    shape, scales = evidence.split(standard)
    features = _features_at(evidence.design, shape, scales)
    mean, variance = evidence.prior
    wander = features.shape[1] - len(mean)
    prior_mean = np.concatenate([mean, np.zeros(wander)])
    prior_variance = np.concatenate([variance, np.ones(wander)])
    whitened = evidence.whitened(scales, np.column_stack([features, evidence.y]))
    rows, y = whitened[:, :-1], whitened[:, -1]
    precision = rows.T @ rows + np.diag(1.0 / prior_variance)
    inverse_root = np.linalg.inv(np.linalg.cholesky(precision))
    covariance_root = inverse_root.T
    center = covariance_root @ (inverse_root @ (rows.T @ y + prior_mean / prior_variance))
    return Weights(shape, scales, center, covariance_root)


def _thinned(evidence: Evidence, count: int) -> Bools:
    """(n,) the rows that decide the shape: all, or of every run as many as keep the search fast, evenly, the last too.

    Amplitudes and deviations see every row all the same.
    """
    keep = np.ones(len(evidence.y), dtype=np.bool_)
    if len(keep) <= count:
        return keep
    runs = np.unique(evidence.run)
    each = max(3, count // len(runs))
    for run in runs:
        rows = np.flatnonzero(evidence.run == run)
        rows = rows[np.argsort(evidence.design.points.area[rows])]
        keep[rows] = False
        keep[rows[np.unique(np.linspace(0, len(rows) - 1, each).round().astype(np.int64))]] = True
    return keep


def _put(values: Floats, keep: Bools, some: Floats) -> Floats:
    result = values.copy()
    result[keep] = some
    return result


def _features(design: Design, weights: Weights) -> Floats:
    return _features_at(design, weights.shape, weights.scales)


def _features_at(design: Design, shape: Floats, scales: Floats) -> Floats:
    return np.hstack([design.columns(shape), scales[0] * design.wander])


def _starts(evidence: Evidence, rng: np.random.Generator) -> Floats:
    """The best of many random values, the priors' mean among them."""
    low, high = evidence.bounds
    tried = np.clip(rng.normal(0.0, 0.7, (_TRIED, len(low))), low, high)
    tried[0] = 0.0
    values = [evidence.value(each) for each in tried]
    return np.asarray(tried[np.argsort(values)[:_STARTS]])


def _maximum(evidence: Evidence, starts: Floats) -> Floats:
    from scipy.optimize import minimize

    low, high = evidence.bounds
    found = [
        minimize(
            evidence.value_and_gradient,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"maxiter": 80, "ftol": 1e-7},
        )
        for start in starts
    ]
    return np.asarray(min(found, key=lambda result: float(result.fun)).x, dtype=np.float64)


def _doubt(evidence: Evidence, standard: Floats) -> Floats:
    """Rows far from what all others say get a larger variance (leave-one-out residuals, equation 5.12 of Rasmussen and
    Williams 2006)."""
    covariance, residual = evidence.covariance(standard)
    inverse = np.linalg.inv(covariance)
    away = np.abs(inverse @ residual) / np.sqrt(np.diag(inverse))
    return np.asarray(evidence.doubt * np.maximum(1.0, away / _OUTLIER) ** 4)


def _shapes_about(evidence: Evidence, best: Floats, rng: np.random.Generator, effort: Effort) -> Floats:
    """(shapes, p) draws: Laplace's approximation, weighted by the posterior and resampled."""
    low, high = evidence.bounds
    root = _laplace_root(evidence, best)
    normal = rng.standard_normal((effort.proposals, len(best)))
    proposals = np.clip(best + normal @ root.T, low, high)
    values = np.array([evidence.value(each) for each in proposals])
    log_weight = 0.5 * np.sum(normal**2, axis=1) - values
    weight = np.exp(log_weight - log_weight.max())
    weight = np.minimum(weight, weight.mean() * np.sqrt(effort.proposals))
    places = (rng.uniform() + np.arange(effort.shapes)) / effort.shapes
    chosen = np.searchsorted(np.cumsum(weight) / weight.sum(), places)
    return np.asarray(proposals[np.minimum(chosen, effort.proposals - 1)])


def _laplace_root(evidence: Evidence, best: Floats) -> Floats:
    """(p, p) root of the inverse curvature at the maximum, by differences of the gradient."""
    step = 1e-3
    rows = [
        evidence.value_and_gradient(best + step * unit)[1] - evidence.value_and_gradient(best - step * unit)[1]
        for unit in np.eye(len(best))
    ]
    curvature = np.array(rows) / (2 * step)
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return np.asarray(vectors / np.sqrt(np.maximum(values, 0.5)))
