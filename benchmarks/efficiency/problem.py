"""A search whose every run is known beforehand: settings, the losses along their runs, and what measuring costs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

PENALTY = 5.0
"""Nats of objective a nat by which the limited corpus exceeds its limit."""
IDLE = 30
"""So many trials in a row that measure nothing new end a search."""
ENOUGH = 0.5
"""Share of the grid's tokens after which Optuna's samplers stop: asking them takes time that grows with the trials."""
Setting = Mapping[str, float | str]
"""Value by axis; an axis that does not apply (the rank of a run without an adapter) is left out."""
Losses = Mapping[str, float]
"""Nats a token by corpus."""


@dataclass(frozen=True)
class Axis:
    """One thing that settings differ in."""

    name: str
    values: tuple[float | str, ...]
    kind: Literal["log", "linear", "category"]


@dataclass(frozen=True, eq=False)
class TableProblem:
    """Find the setting of least `value` while measuring as few tokens as possible.

    Raises:
        ValueError: fields that do not fit together.
    """

    name: str
    axes: tuple[Axis, ...]
    settings: tuple[Setting, ...]
    """The grid."""
    checkpoints: tuple[int, ...]
    """Tokens at which a run can be measured and stopped, rising; the last is the whole run."""
    corpora: tuple[str, ...]
    target: str
    """The corpus whose loss is to be low."""
    losses: NDArray[np.float64]
    """(settings, checkpoints, corpora), without noise: what `measure` and `value` read, and strategies must not."""
    noise: float
    """Standard deviation of a measured loss, nats: half of its variance is shared along a run, half is each
    measurement's own."""
    limited: str | None = None
    """The corpus whose loss must stay at or below `limit`."""
    limit: float | None = None
    base_losses: Losses | None = None
    """Losses before training where one base model is common to all settings."""
    simplex: bool = False
    """Whether the axes are shares that sum to 1."""
    unit: str = "tokens"
    """What `checkpoints` count."""

    def __post_init__(self) -> None:
        if self.losses.shape != (len(self.settings), len(self.checkpoints), len(self.corpora)):
            raise ValueError(f"{self.name}: losses have shape {self.losses.shape}, not settings, checkpoints, corpora")
        if not np.isfinite(self.losses).all():
            raise ValueError(f"{self.name}: losses must be finite")
        if list(self.checkpoints) != sorted(set(self.checkpoints)) or self.checkpoints[0] <= 0:
            raise ValueError(f"{self.name}: checkpoints must rise from above 0, got {self.checkpoints}")
        if not {self.target, self.limited} <= {*self.corpora, None} or (self.limited is None) != (self.limit is None):
            raise ValueError(f"{self.name}: target and limited must be corpora, and a limit goes with the limited one")

    @property
    def max_tokens(self) -> int:
        """Tokens of a whole run."""
        return self.checkpoints[-1]

    @property
    def grid_tokens(self) -> int:
        """Tokens of every setting's whole run."""
        return len(self.settings) * self.max_tokens

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """`value` of every setting."""
        final = {corpus: self.losses[:, -1, i] for i, corpus in enumerate(self.corpora)}
        excess = 0.0 if self.limited is None else np.maximum(final[self.limited] - self.limit, 0.0)
        return np.asarray(final[self.target] + PENALTY * excess)

    @property
    def optimum(self) -> float:
        """The least `value` of the grid."""
        return float(self.values.min())

    def value(self, setting: int) -> float:
        """The objective of a setting after its whole run, without noise: nats a token."""
        return float(self.values[setting])

    def regret(self, setting: int) -> float:
        """How far a recommended setting's value lies above the optimum, as a share of the optimum."""
        return self.value(setting) / self.optimum - 1.0

    def objective(self, losses: Losses) -> float:
        """One number to minimise: the target's loss, and `PENALTY` a nat above the limit."""
        excess = 0.0 if self.limited is None or self.limit is None else max(losses[self.limited] - self.limit, 0.0)
        return losses[self.target] + PENALTY * excess

    def measure(self, setting: int, tokens: int, seed: int) -> Losses:
        """Every corpus' loss at a checkpoint: a pure function of (seed, setting, tokens)."""
        at = self.checkpoints.index(tokens)
        count = len(self.corpora)
        along = np.random.default_rng((seed, setting)).standard_normal(count)
        here = np.random.default_rng((seed, setting, at + 1)).standard_normal(count)
        seen = self.losses[setting, at] + self.noise * (along + here) / np.sqrt(2.0)
        return dict(zip(self.corpora, seen.tolist(), strict=True))


Strategy = Callable[[TableProblem, int], Iterator[tuple[int, int]]]
"""(problem, seed) -> after each measurement: tokens spent so far, the setting it would recommend now (its index).

It ends when it would spend nothing more. One run at a time; `Runs` keeps the accounts."""


class Runs:
    """The runs of one strategy, each continued from where it stands, and what they have cost together."""

    def __init__(self, problem: TableProblem, seed: int) -> None:
        self._problem, self._seed = problem, seed
        self.spent = 0
        self.reached: dict[int, int] = {}
        """Tokens that each started setting has been trained on."""

    def measure(self, setting: int, tokens: int) -> Losses:
        """Train a setting on to a checkpoint and measure it there; a checkpoint that it has passed costs nothing."""
        self.spent += max(0, tokens - self.reached.get(setting, 0))
        self.reached[setting] = max(tokens, self.reached.get(setting, 0))
        return self._problem.measure(setting, tokens, self._seed)

    def finished(self, setting: int) -> bool:
        """Whether the setting's run is whole."""
        return self.reached.get(setting, 0) == self._problem.max_tokens
