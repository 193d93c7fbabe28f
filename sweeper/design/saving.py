"""What a measurement is expected to save: the knowledge gradient (Frazier, Powell & Dayanik 2009, INFORMS J. Computing
21:599) of the objective, for losses that are jointly Gaussian.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import qmc

from sweeper.design.surface import Prospect
from sweeper.laws.arrays import Floats, Ints

_OUTCOMES = 32
"""Outcomes of a measurement that are played through."""


@dataclass(frozen=True)
class Goal:
    """The objective: the target's loss, and `penalty` times what another corpus' loss exceeds its limit by.

    `limited` is None where nothing is limited.
    """

    target: str
    limited: str | None = None
    limit: float = 0.0
    penalty: float = 5.0

    @property
    def corpora(self) -> tuple[str, ...]:
        """Those whose losses matter."""
        return (self.target,) if self.limited is None else (self.target, self.limited)

    def expected(self, means: tuple[Floats, ...], spreads: tuple[Floats, ...]) -> Floats:
        """The expected objective where losses are normal; `means` and `spreads` by corpus, nats."""
        if self.limited is None:
            return means[0]
        return means[0] + self.penalty * hinge(means[1] - self.limit, spreads[1])


def hinge(mean: Floats, spread: Floats) -> Floats:
    """The mean of the positive part of a normal variable."""
    width = np.maximum(spread, 1e-9)
    z = mean / width
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.asarray(mean * ndtr(z) + width * density)


def savings(goal: Goal, prospects: tuple[Prospect, ...]) -> Floats:
    """(measurements,) by how much each is expected to lower the objective of what is recommended, nats.

    Args:
        goal: The objective.
        prospects: By corpus of the goal: the same decisions and measurements in each.
    """
    now = goal.expected(tuple(p.mean for p in prospects), tuple(p.spread for p in prospects))
    chosen = int(np.argmin(now))
    outcomes = _normal(len(prospects))
    return np.array([_saving(goal, prospects, k, chosen, outcomes) for k in range(len(prospects[0].shift))])


def _saving(goal: Goal, prospects: tuple[Prospect, ...], measured: int, chosen: int, outcomes: Floats) -> float:
    means = tuple(p.mean + outcomes[:, k, None] * p.shift[measured] for k, p in enumerate(prospects))
    spreads = tuple(np.sqrt(np.maximum(p.spread**2 - p.shift[measured] ** 2, 0.0))[None, :] for p in prospects)
    then = goal.expected(means, spreads)
    return float(np.mean(then[:, chosen] - then.min(axis=1)))


def regret(goal: Goal, worlds: tuple[Floats, ...], chosen: int) -> float:
    """How much lower the objective of the best decision is than that of the chosen one, expected, nats.

    Args:
        goal: The objective.
        worlds: By corpus of the goal, (draws, decisions) losses.
        chosen: Of the decisions.
    """
    value = goal.expected(worlds, tuple(np.zeros((1, w.shape[1])) for w in worlds))
    return float(np.mean(value[:, chosen] - value.min(axis=1)))


def _normal(corpora: int) -> Floats:
    """(outcomes, corpora) standard normal numbers, evenly spread, with each its mirror image."""
    from scipy.special import ndtri

    even = qmc.Sobol(corpora, scramble=True, rng=0).random(_OUTCOMES // 2)
    half = ndtri(np.clip(even, 1e-6, 1 - 1e-6))
    return np.concatenate([half, -half])


def best_first(values: Floats, count: int) -> Ints:
    """Indices of the `count` smallest values, the smallest first."""
    return np.argsort(values, kind="stable")[:count]
