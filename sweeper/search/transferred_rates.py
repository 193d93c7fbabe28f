"""Where the best learning rate of a method will be, from what an earlier run measured at other sizes and tokens."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sweeper.search.earlier_runs import EarlierRuns, EarlierTrial
from sweeper.search.rate_law import Place, RateLaw

SIZE_SLOPES: Mapping[str, tuple[float, float]] = {"full": (-0.5, 0.25), "lora": (-0.1, 0.15), "qlora": (-0.1, 0.15)}
"""By how much the logarithm of a best rate moves with that of the size, and how sure that is (standard deviation); used
where one size was measured. Full weights: -0.71 in pre-training from scratch (arXiv:2503.04715), flatter in continued
training; adapters: published best rates of 1e-4 to 1e-3 from 0.6 B to 32 B show no trend."""
BEYOND_SIZES_SD = 0.25
"""Of the logarithm, for each factor e beyond the measured sizes: the law moves all methods by one slope."""
BEST_SEEN_SD = 0.5
"""Of the logarithm, where the best rate tried stands for the best rate."""
_Z90 = 1.645


@dataclass(frozen=True)
class TransferredRate:
    """A learning rate to start from."""

    rate: float
    sd: float
    """Of its logarithm."""
    how: str
    """For people: what it rests on."""
    shift: float
    """Its logarithm over that of the earlier optimum, where it was measured: earlier trials move along."""

    @property
    def low(self) -> float:
        """Lower end of the 90 % interval."""
        return self.rate * math.exp(-_Z90 * self.sd)

    @property
    def high(self) -> float:
        """Upper end of it."""
        return self.rate * math.exp(_Z90 * self.sd)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the interval."""
        return {**asdict(self), "low": self.low, "high": self.high}


def transferred_rates(runs: EarlierRuns, places: Mapping[str, Place]) -> dict[str, TransferredRate]:
    """A rate for each method that the earlier run measured.

    One law of learning rates is fitted to all of its trials, so that the adapters' rates over full weights' are what
    was measured. A method with too few trials for that has its best trial's rate. With one size measured, rates are
    moved by published trends with their spread.

    Args:
        runs: The earlier run.
        places: By method of this search.
    """
    law = RateLaw.of(runs)
    found = {}
    for method, place in places.items():
        trials = [trial for trial in runs.trials if trial.method == method]
        if trials and law is not None and law.speaks_of(trials):
            found[method] = _by_law(law, method, trials, place)
        elif trials:
            found[method] = _by_best(method, trials, place)
    return found


def _by_law(law: RateLaw, method: str, trials: Sequence[EarlierTrial], place: Place) -> TransferredRate:
    there = _best_trial(trials)
    measured = Place(there.params, there.tokens, there.domain_ratio, there.lora_r)
    size = place.params if law.knows_sizes else there.params
    rate, sd, how = law.best(method, trials, replace(place, params=size))
    slope, moved = _moved(method, size, place.params)
    moved += BEYOND_SIZES_SD * law.beyond(size)
    at_home = law.best(method, trials, measured)[0]
    total = math.log(rate / at_home) + slope
    return TransferredRate(rate * math.exp(slope), math.hypot(sd, moved), f"{how}{_said(slope)}", total)


def _by_best(method: str, trials: Sequence[EarlierTrial], place: Place) -> TransferredRate:
    best = _best_trial(trials)
    slope, moved = _moved(method, best.params, place.params)
    how = f"the best of {len(trials)} trials of {method}{_said(slope)}"
    return TransferredRate(best.learning_rate * math.exp(slope), math.hypot(BEST_SEEN_SD, moved), how, slope)


def _best_trial(trials: Sequence[EarlierTrial]) -> EarlierTrial:
    """The least loss of the target over its base loss, among the longest trials."""
    end = max(trial.tokens for trial in trials)
    return min((t for t in trials if t.tokens > 0.9 * end), key=lambda trial: trial.learnt)


def _moved(method: str, measured: float, wanted: float) -> tuple[float, float]:
    """By how much a rate's logarithm moves between sizes by published trends, and how sure that is."""
    slope, sd = SIZE_SLOPES[method]
    steps = math.log(wanted / measured)
    return slope * steps, sd * abs(steps)


def _said(slope: float) -> str:
    return f", times {math.exp(slope):.2g} for the other size" if slope else ""


def combined(several: Sequence[TransferredRate]) -> TransferredRate:
    """One rate from several runs: the mean of their logarithms by precision.

    The spread between runs counts where it is more than each of them says of itself.
    """
    if len(several) == 1:
        return several[0]
    weights = [1.0 / each.sd**2 for each in several]
    total = sum(weights)

    def mean(values: Sequence[float]) -> float:
        return sum(w * v for w, v in zip(weights, values, strict=True)) / total

    logs = [math.log(each.rate) for each in several]
    center = mean(logs)
    spread = mean([(value - center) ** 2 for value in logs]) / (len(several) - 1)
    how = "; ".join(each.how for each in several)
    return TransferredRate(math.exp(center), math.sqrt(max(1.0 / total, spread)), how, mean([x.shift for x in several]))
