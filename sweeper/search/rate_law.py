"""One law of learning rates of an earlier run, held against what was tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.search.bracketed import Bracket, bracket
from sweeper.search.earlier_runs import EarlierRuns, EarlierTrial

if TYPE_CHECKING:
    from sweeper.laws.fits.tuned_rate import RateFit

LEAST_RUNS, LEAST_RATES = 8, 4
"""Of a method, for the law to speak of it."""
_BOOTSTRAP = 60
_LEAST_SD = 0.1
_Z90 = 1.645


@dataclass(frozen=True)
class Place:
    """Where a rate is wanted."""

    params: float
    tokens: float
    ratio: float
    lora_r: int | None = None


@dataclass(frozen=True)
class RateLaw:
    """The fit, and the trials that it is held against."""

    fit: RateFit
    target: str

    @classmethod
    def of(cls, runs: EarlierRuns) -> RateLaw | None:
        """The law; None where hardly any rates were tried."""
        from sweeper.laws import fit_learning_rate, table_from_columns

        if len(runs.trials) < LEAST_RUNS or len({trial.learning_rate for trial in runs.trials}) < LEAST_RATES:
            return None
        table = table_from_columns(runs.columns, target=runs.target)
        return cls(fit_learning_rate(table, runs.target, bootstrap=_BOOTSTRAP), runs.target)

    def speaks_of(self, trials: Sequence[EarlierTrial]) -> bool:
        """Whether enough of a method was tried."""
        return len(trials) >= LEAST_RUNS and len({trial.learning_rate for trial in trials}) >= LEAST_RATES

    @property
    def knows_sizes(self) -> bool:
        """Whether what size does was measured."""
        return len(self.fit.law.frame.sizes) > 1

    def beyond(self, params: float) -> float:
        """By how much the logarithm of a size lies outside those measured."""
        sizes = self.fit.law.frame.sizes
        return max(0.0, math.log(params / max(sizes)), math.log(min(sizes) / params))

    def best(self, method: str, trials: Sequence[EarlierTrial], place: Place) -> tuple[float, float, str]:
        """Rate, standard deviation of its logarithm, and what it rests on.

        Where a rate that was tried lies between worse ones and the law puts the best one outside, the law is moved to
        where the trials say: its valley is as steep on both sides, and real ones are not.
        """
        found = self.fit.best_rate(
            tokens=place.tokens, params=place.params, share=place.ratio, method=method, lora_r=place.lora_r
        )
        sd = max(_LEAST_SD, math.log(found.high / found.low) / (2 * _Z90))
        said = f"a law fitted to {len(trials)} trials of {method}"
        near, tried = self._near(trials, place)
        at_near = self.fit.best_rate(
            tokens=near.tokens, params=near.params, share=near.ratio, method=method, lora_r=near.lora_r
        ).rate
        if tried is None or at_near in tried:
            return found.rate, sd, said
        return found.rate * tried.best / at_near, math.hypot(sd, tried.sd), f"{said}, moved to between the rates tried"

    def _near(self, trials: Sequence[EarlierTrial], place: Place) -> tuple[Place, Bracket | None]:
        """The measured size and rank nearest to a place, and between which rates the best lay there."""

        def distance(trial: EarlierTrial) -> tuple[float, float]:
            rank = abs(math.log((trial.lora_r or 1) / (place.lora_r or trial.lora_r or 1)))
            return rank, abs(math.log(trial.params / place.params))

        near = min(trials, key=distance)
        same = [t for t in trials if (t.params, t.lora_r) == (near.params, near.lora_r)]
        end = max(t.tokens for t in same)
        whole = [t for t in same if t.tokens > 0.9 * end]
        ratio = sum(t.domain_ratio for t in whole) / len(whole)
        excess = [self._excess(trial) for trial in whole]
        found = bracket([t.learning_rate for t in whole], excess, self.fit.noise.sd)
        return Place(near.params, end, ratio, near.lora_r), found

    def _excess(self, trial: EarlierTrial) -> float:
        """A trial's log loss over what the law expects there at its best rate."""
        rank = None if trial.lora_r is None else float(trial.lora_r)
        best = self.fit.best_rate(
            tokens=trial.tokens, params=trial.params, share=trial.domain_ratio, method=trial.method, lora_r=rank
        ).rate
        expected = self.fit.predict(
            learning_rate=best, tokens=trial.tokens, params=trial.params, share=trial.domain_ratio,
            method=trial.method, lora_r=rank,
        )  # fmt: skip
        return math.log(trial.losses[self.target]) - math.log(float(expected.loss))
