"""The D-CPT law, form L3.

    L(N, D, r) = E + A/N^alpha + B r^eta / D^beta + C / (r + eps)^gamma

r is the share of the corpus whose loss it is. Known limits: it ignores the base loss, diverges as D goes to 0, and
cannot rise with D, as the general loss of a continual pre-training run does. Source: Que et al., NeurIPS 2024, arXiv
2406.01375.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.law import Frame, Space
from sweeper.laws.tables.points import Points

_SHARED = ("B", "C", "beta", "eta", "gamma", "ln_epsilon")


@dataclass(frozen=True)
class DCpt:
    """See the module's text. N is taken over the largest measured N, D over the largest measured D."""

    frame: Frame

    name = "dcpt"
    formula = "L = E + A/N^alpha + B r^eta/D^beta + C/(r+eps)^gamma"
    source = "D-CPT law, form L3: Que et al., NeurIPS 2024, arXiv 2406.01375."

    @property
    def names(self) -> tuple[str, ...]:
        """Shared parameters, then one E per size, or E, A and alpha from three sizes on."""
        if self.frame.powers:
            return (*_SHARED, "E", "A", "alpha")
        return (*_SHARED, *(f"E[{n:.4g}]" for n in self.frame.sizes))

    def space(self) -> Space:
        """All amplitudes are non-negative; priors only keep unidentified exponents in reach."""
        top = 2.0 * self.frame.loss
        rows = [
            (0.0, top, 0.0, np.inf),
            (0.0, top, 0.0, np.inf),
            (0.01, 2.0, 0.4, 0.5),
            (0.01, 3.0, 0.5, 1.0),
            (0.01, 3.0, 0.3, 0.5),
            (np.log(1e-3), 0.0, np.log(0.05), 2.0),
        ]
        count = 2 if self.frame.powers else len(self.frame.sizes)
        rows += [(0.0, top, 0.0, np.inf)] * count
        if self.frame.powers:
            rows.append((0.01, 2.0, 0.3, 0.5))
        return Space(*np.array(rows, dtype=np.float64).T)

    def starts(self, rng: np.random.Generator, count: int) -> Floats:
        """Random exponents; amplitudes as parts of the largest loss."""
        space, loss = self.space(), self.frame.loss
        starts = np.empty((count, len(space.lower)))
        starts[:, 0:2] = loss * np.exp(rng.normal(-3.0, 1.0, (count, 2)))
        starts[:, 2] = rng.uniform(0.05, 1.2, count)
        starts[:, 3] = rng.uniform(0.05, 1.5, count)
        starts[:, 4] = rng.uniform(0.05, 1.0, count)
        starts[:, 5] = rng.uniform(np.log(2e-3), np.log(0.6), count)
        starts[:, 6:] = loss * rng.uniform(0.2, 0.9, (count, starts.shape[1] - 6))
        if self.frame.powers:
            starts[:, 7] = loss * np.exp(rng.normal(-3.0, 1.0, count))
            starts[:, 8] = rng.uniform(0.05, 1.0, count)
        return np.asarray(np.clip(starts, space.lower, space.upper), dtype=np.float64)

    def predict(self, params: Floats, points: Points) -> Floats:
        """(m, n) losses."""
        learning, forgetting = self._shapes(params, points)
        return self._level(params, points) + params[:, 0:1] * learning + params[:, 1:2] * forgetting

    def jacobian(self, params: Floats, points: Points) -> Floats:
        """(m, n, p) derivatives of the loss."""
        learning, forgetting = self._shapes(params, points)
        b, c = params[:, 0:1] * learning, params[:, 1:2] * forgetting
        eps, gamma = np.exp(params[:, 5:6]), params[:, 4:5]
        log_share = np.log(np.maximum(points.share, 1e-300))
        floor = points.share + eps
        blocks = [learning, forgetting, -b * np.log(self._tokens(points)), b * log_share]
        blocks += [-c * np.log(floor), -c * gamma * eps / floor]
        blocks += self._level_blocks(params, points)
        return np.asarray(np.stack(blocks, axis=2), dtype=np.float64)

    def _tokens(self, points: Points) -> Floats:
        return np.maximum(points.tokens / self.frame.tokens, 1e-9)

    def _shapes(self, params: Floats, points: Points) -> tuple[Floats, Floats]:
        """r^eta / D^beta and (r + eps)^-gamma, (m, n) each."""
        learning = points.share ** params[:, 3:4] * self._tokens(points) ** -params[:, 2:3]
        return learning, (points.share + np.exp(params[:, 5:6])) ** -params[:, 4:5]

    def _level(self, params: Floats, points: Points) -> Floats:
        if self.frame.powers:
            return params[:, 6:7] + params[:, 7:8] * self.frame.relative_size(points.params) ** -params[:, 8:9]
        return np.asarray(params[:, 6:] @ self.frame.one_hot(points.params).T)

    def _level_blocks(self, params: Floats, points: Points) -> list[Floats]:
        shape = (len(params), len(points))
        if not self.frame.powers:
            return [np.broadcast_to(column, shape) for column in self.frame.one_hot(points.params).T]
        size = self.frame.relative_size(points.params)
        power = size ** -params[:, 8:9]
        return [np.ones(shape), power, -params[:, 7:8] * power * np.log(size)]
