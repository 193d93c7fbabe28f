"""The anchored law: exact at the base model's loss, able to rise and then fall.

    L(S, r, q) = L0 [1 + F h(r) S/(S + tau1) - A ln(1 + S/tau2) - C q]
    h(r) = (x^-s - 1)/s,  x = (r + eps)/(1 + eps)

S is the area under the learning rate in tokens, q how far the schedule has annealed, r the corpus' own share, L0 its
loss before training. The first term is the shift away from the base distribution (quick, saturating, zero at r = 1),
the second learning (slow), the third annealing. Sizes share s, eps, tau1, tau2 and C; F and A belong to each size, or
are powers of N from three sizes on.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.law import Frame, Space
from sweeper.laws.points import Points

_SHARED = ("s", "ln_epsilon", "ln_tau1", "ln_tau2", "C")
_MIN_RATIOS_FOR_S = 5
_EPSILON = 1e-3


@dataclass(frozen=True)
class Anchored:
    """See the module's text. tau1 and tau2 are over the largest measured tokens, N over the largest measured N."""

    frame: Frame

    name = "anchored"
    formula = "L = L0 [1 + F h(r) S/(S+tau1) - A ln(1+S/tau2) - C q], h(r) = (((r+eps)/(1+eps))^-s - 1)/s"
    source = "Anchored law for continual pre-training curves: exact at tokens = 0, shift + learning + annealing."

    @property
    def names(self) -> tuple[str, ...]:
        """Shared parameters, then F and A per size, or F, A and their powers of N."""
        if self.frame.powers:
            return (*_SHARED, "F", "A", "F_power", "A_power")
        labels = [f"{n:.4g}" for n in self.frame.sizes]
        return (*_SHARED, *(f"F[{n}]" for n in labels), *(f"A[{n}]" for n in labels))

    def space(self) -> Space:
        """Time constants stay within reach of the data; what the data cannot say is held (equal bounds)."""
        frame, count = self.frame, 2 if self.frame.powers else 2 * len(self.frame.sizes)
        s = 2.0 if frame.ratios >= _MIN_RATIOS_FOR_S else 0.0
        eps = (np.log(1e-4), np.log(3e-2)) if frame.near_zero else (np.log(_EPSILON), np.log(_EPSILON))
        rows = [
            (-s, 0.75 * s, 0.0, 0.5),
            (*eps, np.log(_EPSILON), 1.0),
            (np.log(3e-3), np.log(2.0), np.log(0.1), 1.5),
            (np.log(3e-3), np.log(4.0), np.log(0.2), 1.5),
            (0.0, 0.3 if frame.decayed else 0.0, 0.0, 0.03),
            *[(0.0, 5.0, 0.0, np.inf)] * count,
        ]
        if frame.powers:
            rows += [(-2.0, 2.0, 0.0, 0.5)] * 2
        return Space(*np.array(rows, dtype=np.float64).T)

    def starts(self, rng: np.random.Generator, count: int) -> Floats:
        """Random shape parameters; small amplitudes, which the first steps find since they are linear."""
        space = self.space()
        starts = np.zeros((count, len(space.lower)))
        starts[:, 0] = rng.normal(0.0, 0.4, count)
        starts[:, 1] = rng.normal(np.log(_EPSILON), 1.0, count)
        starts[:, 2] = rng.uniform(np.log(5e-3), np.log(1.0), count)
        starts[:, 3] = rng.uniform(np.log(5e-3), np.log(2.0), count)
        starts[:, 4] = 0.01
        amplitudes = 2 if self.frame.powers else 2 * len(self.frame.sizes)
        starts[:, 5 : 5 + amplitudes] = np.exp(rng.normal(-3.5, 1.0, (count, amplitudes)))
        return np.asarray(np.clip(starts, space.lower, space.upper), dtype=np.float64)

    def predict(self, params: Floats, points: Points) -> Floats:
        """(m, n) losses."""
        shift, learning = self._shapes(params, points)
        f, a = self._amplitudes(params, points)
        return np.asarray(points.base_loss * (1.0 + f * shift - a * learning - params[:, 4:5] * points.annealed))

    def jacobian(self, params: Floats, points: Points) -> Floats:
        """(m, n, p) derivatives of the loss."""
        (h, h_s, h_eps), area = _bend(params, points), points.lr_area / self.frame.tokens
        tau1, tau2 = np.exp(params[:, 2:3]), np.exp(params[:, 3:4])
        rise = area / (area + tau1)
        shift, learning = h * rise, np.log1p(area / tau2)
        f, a = self._amplitudes(params, points)
        blocks = [
            f * h_s * rise,
            f * h_eps * rise,
            -f * h * rise * tau1 / (area + tau1),
            a * area / (area + tau2),
            np.broadcast_to(-points.annealed, h.shape),
        ]
        blocks += self._amplitude_blocks(params, points, shift, learning)
        return np.asarray(np.stack(blocks, axis=2) * points.base_loss[:, None], dtype=np.float64)

    def _shapes(self, params: Floats, points: Points) -> tuple[Floats, Floats]:
        area = points.lr_area / self.frame.tokens
        rise = area / (area + np.exp(params[:, 2:3]))
        return _bend(params, points)[0] * rise, np.log1p(area / np.exp(params[:, 3:4]))

    def _amplitudes(self, params: Floats, points: Points) -> tuple[Floats, Floats]:
        """F and A at each point, (m, n) each."""
        if self.frame.powers:
            size = self.frame.relative_size(points.params)
            return params[:, 5:6] * size ** params[:, 7:8], params[:, 6:7] * size ** params[:, 8:9]
        hot, k = self.frame.one_hot(points.params), len(self.frame.sizes)
        return params[:, 5 : 5 + k] @ hot.T, params[:, 5 + k : 5 + 2 * k] @ hot.T

    def _amplitude_blocks(self, params: Floats, points: Points, shift: Floats, learning: Floats) -> list[Floats]:
        if self.frame.powers:
            size = self.frame.relative_size(points.params)
            f, a = self._amplitudes(params, points)
            f_unit, a_unit = size ** params[:, 7:8] * shift, -(size ** params[:, 8:9]) * learning
            return [f_unit, a_unit, f * shift * np.log(size), -a * learning * np.log(size)]
        hot = self.frame.one_hot(points.params)
        return [shift * column for column in hot.T] + [-learning * column for column in hot.T]


def _bend(params: Floats, points: Points) -> tuple[Floats, Floats, Floats]:
    """h(r) and its derivatives by s and ln eps, (m, n) each; a series near s = 0, where the formula is 0/0."""
    s, eps = params[:, 0:1], np.exp(params[:, 1:2])
    x = (points.share + eps) / (1.0 + eps)
    log_x = np.log(x)
    small = np.abs(s) < 1e-4
    safe = np.where(small, 1.0, s)
    power = np.exp(-safe * log_x)
    h = np.where(small, -log_x + s * log_x**2 / 2, (power - 1.0) / safe)
    h_s = np.where(small, log_x**2 / 2 - s * log_x**3 / 3, (-log_x * power - (power - 1.0) / safe) / safe)
    h_eps = -np.exp(-s * log_x) / x * eps * (1.0 - points.share) / (1.0 + eps) ** 2
    return h, h_s, h_eps
