"""A predicted loss with its interval."""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.fits.candidate import DRAWS
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.tables.points import Points

MAX_EXTRAPOLATION = 2.0
"""Tokens over measured tokens beyond which no prediction should be trusted."""
_FOLLOWED = 2.5
"""Tokens over measured tokens beyond which laws are not followed."""


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
    """Expected losses (n,) and draws of them (draws, n).

    A draw is one law's possible world, laws taking part by their weights, plus (with `noise`) one standardised
    deviation of a single run for all points, by Student's t since it is often estimated from few runs. So a draw is a
    smooth curve. Beyond 2.5 times the measured tokens laws are not followed: the loss stays as it is there, and draws
    spread by what a doubling of tokens changes.

    Args:
        fit: The corpus.
        points: Where to predict (n,).
        ratios: Domain ratio of each point (n,).
        noise: Whether the question is about a new measured run.
        seed: Together with the corpus' name this fixes the draws.
    """
    rng = np.random.default_rng([seed, crc32(fit.corpus.encode())])
    reach = fit.reach(points.params)
    beyond = np.maximum(points.tokens / (_FOLLOWED * reach), 1.0)
    near = _shortened(points, beyond)
    excess = near.tokens / reach - 1.0
    center, logs = np.zeros(len(points)), np.empty((DRAWS, len(points)))
    turns = (rng.permutation(DRAWS) + 0.5) / DRAWS
    passed = 0.0
    for name, weight in fit.choice.weights.items():
        candidate = fit.candidates[name]
        center += weight * candidate.log_loss(near)
        mine = (turns >= passed) & (turns < passed + weight)
        logs[mine] = candidate.log_draws(near, ratios, excess, rng)[mine]
        passed += weight
    if np.any(beyond > 1.0):
        logs += rng.standard_normal((DRAWS, 1)) * _change_of_doubling(fit, near) * np.log2(beyond)
    if noise:
        logs += rng.standard_t(max(fit.noise_log.dof, 1), (DRAWS, 1)) * fit.noise_log.sd
    return np.exp(center), np.exp(logs)


def interval(center: Floats, samples: Floats, level: float) -> tuple[Floats, Floats]:
    """The central interval of the samples, stretched where needed to hold the point prediction."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.minimum(low, center), np.maximum(high, center)


def _shortened(points: Points, times: Floats) -> Points:
    """The points, each at so many times fewer tokens."""
    return replace(points, tokens=points.tokens / times, lr_area=points.lr_area / times)


def _change_of_doubling(fit: CorpusFit, points: Points) -> Floats:
    """(n,) how much the log loss changes from half the tokens on."""
    half = _shortened(points, np.full(len(points), 2.0))
    return np.abs(fit.chosen.log_loss(points) - fit.chosen.log_loss(half))
