"""How well a shape explains measured curves once amplitudes, deviations and run effects are integrated out.

    y = P(shape) a + Psi w + b + e,   a ~ N(m, V),   w ~ N(0, deviation^2),   b_run ~ N(0, run^2 R),   e ~ N(0, noise^2)

All but the shape and the three standard deviations are Gaussian, so the evidence is that of a normal distribution
(Rasmussen and Williams 2006, equation 5.8); its gradient is exact.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Ints
from sweeper.laws.engine.wander import Variants, log_time, onset, wander_features
from sweeper.laws.forms.anchored import Anchored

SCALES = (("deviation", np.log(0.01), 1.0), ("run", np.log(0.002), 0.8), ("noise", np.log(0.0015), 0.8))
"""Standard deviations of log loss: name, mean of the logarithm, its standard deviation."""
_NOISE_FLOOR = 2e-4
_OFFSET_SD = 0.3
"""Of an unknown base loss, in logarithm."""
_FORGETS = 0.7
"""Within a run half of its luck stays, the other half is forgotten over this much log time."""


@dataclass(frozen=True)
class CurvePoints:
    """Where curves are looked at, each (n,); areas are over the largest measured."""

    area: Floats
    share: Floats
    annealed: Floats
    kind: Floats
    """(n, 3) coordinates of `Variants`."""
    base_known: bool = True

    def __len__(self) -> int:
        return len(self.area)

    def rows(self, keep: Bools) -> "CurvePoints":
        """Those of `keep` (n,)."""
        return CurvePoints(self.area[keep], self.share[keep], self.annealed[keep], self.kind[keep], self.base_known)


@dataclass(frozen=True)
class Design:
    """Features of points for one law: everything that does not depend on the shape, computed once."""

    form: Anchored
    points: CurvePoints
    variants: Variants

    @cached_property
    def kinds(self) -> Floats:
        """(n, c)."""
        return self.variants.features(self.points.kind)

    @cached_property
    def wander(self) -> Floats:
        """(n, k): the smooth deviation, of each kind of run its own but alike."""
        common = wander_features(self.points.area, self.points.share)
        if len(self.variants.known) == 1:
            return common
        alike = self.variants.likeness(self.points.kind)
        return np.asarray(np.einsum("nk,nv->nkv", common, alike).reshape(len(common), -1))

    @cached_property
    def offsets(self) -> Floats:
        """(n, v): one unknown base loss a kind, (n, 0) where base losses are known; of other kinds as they trend."""
        if self.points.base_known:
            return np.empty((len(self.points), 0))
        return self.variants.levels(self.points.kind)

    def columns(self, shape: Floats) -> Floats:
        """(n, 4 c + offsets): columns of the amplitudes."""
        at = self.points
        basis = self.form.basis(shape, at.area, at.share, at.annealed)
        spread = np.einsum("nb,nc->nbc", basis, self.kinds).reshape(len(at), -1)
        return np.hstack([spread, self.offsets])


@dataclass(frozen=True)
class Evidence:
    """The negative log posterior of the shape and the scales, up to a constant, and its gradient."""

    design: Design
    y: Floats
    """(n,) log change of loss, or log loss where base losses are unknown."""
    run: Ints
    """(n,) which run a row belongs to."""
    doubt: Floats
    """(n,) how many times the noise variance a row has: above 1 for outliers."""
    offset_mean: float = 0.0

    def rows(self, keep: Bools) -> "Evidence":
        """The evidence of the rows of `keep` (n,) alone."""
        design = replace(self.design, points=self.design.points.rows(keep))
        return replace(self, design=design, y=self.y[keep], run=self.run[keep], doubt=self.doubt[keep])

    @cached_property
    def prior(self) -> tuple[Floats, Floats]:
        """Mean and variance of the amplitudes' columns."""
        form, kinds = self.design.form, self.design.kinds.shape[1]
        mean = np.zeros((len(form.amplitudes), kinds))
        mean[:, 0] = [amplitude.mean for amplitude in form.amplitudes]
        variance = np.repeat([amplitude.sd**2 for amplitude in form.amplitudes], kinds)
        extra = self.design.offsets.shape[1]
        return (
            np.concatenate([mean.ravel(), np.full(extra, self.offset_mean)]),
            np.concatenate([variance, np.full(extra, _OFFSET_SD**2)]),
        )

    @cached_property
    def deviation(self) -> Floats:
        """(n, n) covariance of the smooth deviation at unit variance."""
        return self.design.wander @ self.design.wander.T

    @cached_property
    def luck(self) -> Floats:
        """(n, n) covariance of run effects at unit variance."""
        area, time = onset(self.design.points.area), log_time(self.design.points.area)
        same = self.run[:, None] == self.run[None, :]
        memory = 0.5 + 0.5 * np.exp(-np.abs(time[:, None] - time[None, :]) / _FORGETS)
        return np.asarray(same * memory * area[:, None] * area[None, :])

    @cached_property
    def runs(self) -> list[Ints]:
        """The rows of each run: run effects do not reach beyond."""
        return [np.flatnonzero(self.run == run) for run in np.unique(self.run)]

    def whitened(self, scales: Floats, columns: Floats) -> Floats:
        """(n, k) columns with the covariance of run effects and noise taken out, run by run."""
        from scipy.linalg import solve_triangular

        result = np.empty_like(columns)
        noise = self.noise_variance(scales)
        for rows in self.runs:
            block = scales[1] ** 2 * self.luck[np.ix_(rows, rows)] + np.diag(noise[rows])
            root = np.linalg.cholesky(block)
            result[rows] = solve_triangular(root, columns[rows], lower=True, check_finite=False)
        return result

    @cached_property
    def means(self) -> Floats:
        """(p,) prior means of shape and scales."""
        return np.array([shape.mean for shape in self.design.form.shapes] + [mean for _, mean, _ in SCALES])

    @cached_property
    def spreads(self) -> Floats:
        """(p,) prior standard deviations."""
        return np.array([shape.sd for shape in self.design.form.shapes] + [sd for _, _, sd in SCALES])

    @cached_property
    def bounds(self) -> tuple[Floats, Floats]:
        """(p,) each, of standardised values."""
        shapes = self.design.form.shapes
        low = np.array([shape.low for shape in shapes] + [mean - 4 * sd for _, mean, sd in SCALES])
        high = np.array([shape.high for shape in shapes] + [mean + 4 * sd for _, mean, sd in SCALES])
        return (low - self.means) / self.spreads, (high - self.means) / self.spreads

    def split(self, standard: Floats) -> tuple[Floats, Floats]:
        """Shape and scales (deviation, run, noise) of standardised values (p,)."""
        values = self.means + self.spreads * standard
        count = len(self.design.form.shapes)
        return values[:count], np.exp(values[count:])

    def noise_variance(self, scales: Floats) -> Floats:
        """(n,)"""
        return np.asarray((scales[2] ** 2 + _NOISE_FLOOR**2) * self.doubt)

    def covariance(self, standard: Floats) -> tuple[Floats, Floats]:
        """(n, n) covariance of the rows and (n,) what they lie from their prior mean, at standardised values (p,)."""
        shape, scales = self.split(standard)
        mean, variance = self.prior
        columns = self.design.columns(shape)
        covariance = columns * variance @ columns.T + scales[0] ** 2 * self.deviation + scales[1] ** 2 * self.luck
        covariance[np.diag_indices_from(covariance)] += self.noise_variance(scales)
        return covariance, self.y - columns @ mean

    def value(self, standard: Floats) -> float:
        """The negative log posterior at standardised values (p,)."""
        from scipy.linalg import solve_triangular

        covariance, residual = self.covariance(standard)
        root = np.linalg.cholesky(covariance)
        whitened = solve_triangular(root, residual, lower=True, check_finite=False)
        return float(0.5 * whitened @ whitened + np.sum(np.log(np.diag(root))) + 0.5 * standard @ standard)

    def value_and_gradient(self, standard: Floats) -> tuple[float, Floats]:
        """The negative log posterior at standardised values (p,), and its gradient (p,)."""
        shape, scales = self.split(standard)
        covariance, residual = self.covariance(standard)
        inverse = np.linalg.inv(covariance)
        weight = inverse @ residual
        half_log_determinant = 0.5 * np.linalg.slogdet(covariance)[1]
        value = 0.5 * residual @ weight + half_log_determinant + 0.5 * standard @ standard
        by_covariance = 0.5 * (inverse - np.outer(weight, weight))
        gradient = np.concatenate(
            [self._by_shape(shape, by_covariance, weight), self._by_scales(scales, by_covariance)]
        )
        return float(value), gradient * self.spreads + standard

    def _by_shape(self, shape: Floats, by_covariance: Floats, weight: Floats) -> Floats:
        design, at = self.design, self.design.points
        columns, (mean, variance) = design.columns(shape), self.prior
        count = len(design.form.amplitudes) * design.kinds.shape[1]
        by_columns = (2.0 * by_covariance @ (columns * variance) - np.outer(weight, mean))[:, :count]
        by_basis = np.einsum("nbc,nc->nb", by_columns.reshape(len(at), -1, design.kinds.shape[1]), design.kinds)
        slopes = design.form.basis_gradient(shape, at.area, at.share, at.annealed)
        return np.asarray(np.einsum("jnb,nb->j", slopes, by_basis))

    def _by_scales(self, scales: Floats, by_covariance: Floats) -> Floats:
        noise = np.diag(by_covariance) @ self.doubt
        parts = np.array([np.sum(by_covariance * self.deviation), np.sum(by_covariance * self.luck), noise])
        return np.asarray(2.0 * scales**2 * parts)
