"""A predicted loss with its interval."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.tables.points import Points

DRAWS = 1000


@dataclass(frozen=True)
class Prediction:
    """Arrays have the shape of the question; numbers where it was one point (0-d arrays: `float(p.loss)`)."""

    loss: Floats
    """Nats."""
    low: Floats
    high: Floats
    samples: Floats
    """(draws, *shape): draw i is one possible world, at every point."""
    extrapolation: float
    """Largest of tokens / largest measured tokens."""
    notes: tuple[str, ...]


def sample_losses(fit: CorpusFit, points: Points, ratios: Floats, *, noise: bool, seed: int) -> tuple[Floats, Floats]:
    """The law's losses (n,) and draws of them (draws, n).

    Each draw takes one bootstrap sample of the parameters and adds three deviations of log loss, the same standardised
    one at every point: the law's own error, extrapolation in tokens, and (with `noise`) that of a single run. So a
    draw is a smooth curve. The noise, often estimated from few runs, follows Student's t.

    Args:
        fit: The corpus.
        points: Where to predict (n,).
        ratios: Domain ratio of each point (n,).
        noise: Whether the question is about a new measured run.
        seed: Together with the corpus' name this fixes the draws.
    """
    candidate = fit.chosen
    center = candidate.law.predict(candidate.params[None], points)[0]
    samples = candidate.samples if len(candidate.samples) else candidate.params[None]
    rng = np.random.default_rng([seed, crc32(fit.corpus.encode())])
    logs = np.log(np.maximum(candidate.law.predict(samples, points), 1e-6))[np.arange(DRAWS) % len(samples)]
    excess = points.tokens / fit.reach(points.params) - 1.0
    logs += rng.standard_normal((DRAWS, 1)) * fit.model_error(ratios)
    logs += rng.standard_normal((DRAWS, 1)) * fit.extrapolation_error(ratios, excess)
    if noise:
        logs += rng.standard_t(max(fit.noise_log.dof, 1), (DRAWS, 1)) * fit.noise_log.sd
    return center, np.exp(logs)


def interval(center: Floats, samples: Floats, level: float) -> tuple[Floats, Floats]:
    """The central interval of the samples, stretched where needed to hold the point prediction."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.minimum(low, center), np.maximum(high, center)
