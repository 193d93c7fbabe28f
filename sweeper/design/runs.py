"""Settings in training, and which of their measurements the surfaces see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sweeper.design.saving import Goal

MOST_ROWS = 240
"""Measurements that a surface is made of at most: its cost grows with their third power."""


@dataclass
class Run:
    """One setting in training."""

    setting: int
    losses: dict[int, Mapping[str, float]] = field(default_factory=dict)
    """By tokens, of every corpus of the goal, nats."""
    over: bool = False
    """It cannot be continued."""

    @property
    def tokens(self) -> int:
        """Trained so far."""
        return max(self.losses, default=0)


def rows_kept(runs: Sequence[Run], goal: Goal, most: int = MOST_ROWS) -> list[tuple[int, int]]:
    """Number and tokens of the measurements to learn from, by run and tokens.

    All of them where they are few. Else the last of each run first, the best run's first, then what lies before it.
    """
    every = [(k, t) for k, run in enumerate(runs) for t in sorted(run.losses)]
    if len(every) <= most:
        return every
    order = sorted(
        ((len(run.losses) - 1 - i, _objective(run, goal), k, t) for k, run in enumerate(runs) for i, t in _rising(run)),
    )
    return sorted((k, t) for _, _, k, t in order[:most])


def _rising(run: Run) -> list[tuple[int, int]]:
    return list(enumerate(sorted(run.losses)))


def _objective(run: Run, goal: Goal) -> float:
    """Of the last measurement."""
    last = tuple(np.array([run.losses[run.tokens][name]]) for name in goal.corpora)
    return float(goal.expected(last, tuple(np.zeros(1) for _ in last))[0])
