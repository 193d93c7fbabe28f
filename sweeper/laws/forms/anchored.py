"""The anchored law: exact at the base model's loss, able to rise and then fall.

    L(S, r, q) = L0 exp[J S/(S + tau1) + F h S/(S + tau1 h) - A g(x^eta S/tau2) - C q]
    x = (r + eps)/(1 + eps),   h = (x^-s - 1)/s,   g(z) = (1 - (1 + z)^-beta)/beta

S is the area under the learning rate in tokens, q how far the schedule has annealed, r the corpus' own share, L0 its
loss before training. In order:

- restart: what taking up training again costs at any share, quick;
- shift: the way to another distribution. Its first slope is the same at every share, F/tau1, and the smaller the share
  the longer it goes on (h(1) = 0): it saturates soon where some of the corpus is kept and goes on where none is;
- learning: a saturating power of the tokens seen of the corpus (eta near 1) or of all tokens (eta near 0); ln(1 + z) at
  beta = 0;
- annealing.

Sizes share all but F and A, which belong to each size, or are powers of N from three sizes on.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.bends import bend, reciprocal_sum, share_floor, slow_gain
from sweeper.laws.forms.law import Frame, Space
from sweeper.laws.tables.points import Points

_SHARED = ("s", "ln_epsilon", "ln_tau1", "ln_tau2", "eta", "beta", "J", "C")
_MIN_RATIOS_FOR_S = 5
_EPSILON = 1e-3
_LARGEST_LOG = 20.0
"""Log changes beyond this are cut, so that a bad start overflows nothing."""


@dataclass(frozen=True)
class Anchored:
    """See the module's text. tau1 and tau2 are over the largest measured tokens, N over the largest measured N."""

    frame: Frame

    name = "anchored"
    formula = (
        "L = L0 exp[J S/(S+tau1) + F h S/(S+tau1 h) - A g(x^eta S/tau2) - C q], x = (r+eps)/(1+eps), "
        "h = (x^-s - 1)/s, g(z) = (1 - (1+z)^-beta)/beta"
    )
    source = "Anchored law for continual pre-training: exact at tokens = 0; restart, shift, learning, annealing."

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
            (np.log(1e-4), np.log(4.0), np.log(0.1), 2.0),
            (0.0, 1.5, 0.7, 0.1),
            (0.0, 1.5, 0.3, 0.15),
            (0.0, 1.0, 0.0, 0.03),
            (0.0, 0.3 if frame.decayed else 0.0, 0.0, 0.03),
            *[(0.0, 3.0, 0.0, np.inf)] * count,
        ]
        if frame.powers:
            rows += [(-2.0, 2.0, 0.0, 0.5)] * 2
        return Space(*np.array(rows, dtype=np.float64).T)

    def starts(self, rng: np.random.Generator, count: int) -> Floats:
        """Random shape parameters; small amplitudes, which the first steps find."""
        space = self.space()
        starts = np.zeros((count, len(space.lower)))
        starts[:, 0] = rng.normal(0.0, 0.4, count)
        starts[:, 1] = rng.normal(np.log(_EPSILON), 1.0, count)
        starts[:, 2] = rng.uniform(np.log(5e-3), np.log(1.0), count)
        starts[:, 3] = rng.uniform(np.log(2e-3), np.log(1.0), count)
        starts[:, 4] = rng.uniform(0.0, 1.0, count)
        starts[:, 5] = rng.uniform(0.0, 0.8, count)
        starts[:, 6] = rng.uniform(0.0, 0.05, count)
        starts[:, 7] = 0.01
        end = len(_SHARED) + (2 if self.frame.powers else 2 * len(self.frame.sizes))
        starts[:, len(_SHARED) : end] = np.exp(rng.normal(-3.0, 1.0, (count, end - len(_SHARED))))
        return np.asarray(np.clip(starts, space.lower, space.upper), dtype=np.float64)

    def predict(self, params: Floats, points: Points) -> Floats:
        """(m, n) losses."""
        restart, shift, learning = self._shapes(params, points)
        f, a = self._amplitudes(params, points)
        change = params[:, 6:7] * restart + f * shift - a * learning - params[:, 7:8] * points.annealed
        return np.asarray(points.base_loss * np.exp(np.clip(change, -_LARGEST_LOG, _LARGEST_LOG)))

    def jacobian(self, params: Floats, points: Points) -> Floats:
        """(m, n, p) derivatives of the loss."""
        area = points.lr_area / self.frame.tokens
        x, x_eps = share_floor(params[:, 1:2], points.share)
        h, h_s, h_x = bend(x, params[:, 0:1])
        tau1, eta, beta = np.exp(params[:, 2:3]), params[:, 4:5], params[:, 5:6]
        z = x**eta * area / np.exp(params[:, 3:4])
        gain, gain_beta, gain_z = slow_gain(z, beta)
        f, a = self._amplitudes(params, points)
        restart, shift = area * reciprocal_sum(area, tau1), h * area * reciprocal_sum(area, tau1 * h)
        shift_h = (area * reciprocal_sum(area, tau1 * h)) ** 2
        slowed = (
            params[:, 6:7] * restart * (1.0 - restart) + f * tau1 * (h * reciprocal_sum(area, tau1 * h)) ** 2 * area
        )
        blocks = [
            f * shift_h * h_s,
            (f * shift_h * h_x - a * gain_z * z * eta / x) * x_eps,
            -slowed,
            a * gain_z * z,
            -a * gain_z * z * np.log(x),
            -a * gain_beta,
            restart,
            np.broadcast_to(-points.annealed, h.shape),
        ]
        blocks += self._amplitude_blocks(params, points, shift, gain)
        return np.asarray(np.stack(blocks, axis=2) * self.predict(params, points)[:, :, None], dtype=np.float64)

    def _shapes(self, params: Floats, points: Points) -> tuple[Floats, Floats, Floats]:
        """Restart, shift and learning of unit amplitude, (m, n) each."""
        area, tau1 = points.lr_area / self.frame.tokens, np.exp(params[:, 2:3])
        x = share_floor(params[:, 1:2], points.share)[0]
        h = bend(x, params[:, 0:1])[0]
        z = x ** params[:, 4:5] * area / np.exp(params[:, 3:4])
        shift = h * area * reciprocal_sum(area, tau1 * h)
        return area * reciprocal_sum(area, tau1), shift, slow_gain(z, params[:, 5:6])[0]

    def _amplitudes(self, params: Floats, points: Points) -> tuple[Floats, Floats]:
        """F and A at each point, (m, n) each."""
        own = params[:, len(_SHARED) :]
        if self.frame.powers:
            size = self.frame.relative_size(points.params)
            return own[:, 0:1] * size ** own[:, 2:3], own[:, 1:2] * size ** own[:, 3:4]
        hot, k = self.frame.one_hot(points.params), len(self.frame.sizes)
        return own[:, :k] @ hot.T, own[:, k : 2 * k] @ hot.T

    def _amplitude_blocks(self, params: Floats, points: Points, shift: Floats, learning: Floats) -> list[Floats]:
        if self.frame.powers:
            size, own = self.frame.relative_size(points.params), params[:, len(_SHARED) :]
            f, a = self._amplitudes(params, points)
            f_unit, a_unit = size ** own[:, 2:3] * shift, -(size ** own[:, 3:4]) * learning
            return [f_unit, a_unit, f * shift * np.log(size), -a * learning * np.log(size)]
        hot = self.frame.one_hot(points.params)
        return [shift * column for column in hot.T] + [-learning * column for column in hot.T]
