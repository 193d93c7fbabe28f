"""What earlier runs give a search: learning rates to begin with, and trials for its sampler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sweeper.experiment.distributions import Categorical, Parameter, Value
from sweeper.search.earlier_runs import EarlierRuns
from sweeper.search.prior_trials import PriorSource, Scale, prior_trials
from sweeper.search.proposal import middle
from sweeper.search.rate_law import Place
from sweeper.search.transferred_rates import TransferredRate, combined, transferred_rates

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class WarmStart:
    """Earlier runs, for one search. What it works out is worked out when it is asked for: laws take a second.

    Args:
        runs: The earlier runs.
        parameters: Of this search's space.
        scale: Of its losses.
        params: Size of its base model.
    """

    runs: tuple[EarlierRuns, ...]
    parameters: tuple[Parameter, ...]
    scale: Scale
    params: float

    @cached_property
    def rates(self) -> dict[str, TransferredRate]:
        """By method, of all runs together."""
        found = self._by_run
        methods = sorted({method for rates in found for method in rates})
        return {method: combined([rates[method] for rates in found if method in rates]) for method in methods}

    def starts(self) -> dict[str, dict[str, Value]]:
        """A first trial for each method that has a rate: the middle of its ranges, at that rate."""
        first = {}
        for method, found in self.rates.items():
            values = middle(self.parameters, method)
            name = next(p.name for p in self.parameters if p.field == "learning_rate" and p.name in values)
            first[method] = {**values, name: self._inside(name, found.rate)}
        return first

    def prior(self, told: Sequence[FrozenTrial]) -> Sequence[FrozenTrial]:
        """Earlier trials for the sampler to see beside the told ones (`mirror_sampler.Prior`)."""
        return self._prior(told)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: rates with intervals, and the adapters' over full weights'."""
        full = self.rates.get("full")
        ratios = {m: found.rate / full.rate for m, found in self.rates.items() if full is not None and m != "full"}
        return {
            "runs": [str(run.path) for run in self.runs],
            "learning_rates": {method: found.to_dict() for method, found in self.rates.items()},
            "rate_over_full": ratios,
        }

    @cached_property
    def _prior(self) -> PriorSource:
        trials = [
            trial
            for runs, rates in zip(self.runs, self._by_run, strict=True)
            for trial in prior_trials(runs, self.parameters, self.scale, rates)
        ]
        return PriorSource(trials, self.parameters)

    @cached_property
    def _by_run(self) -> Sequence[Mapping[str, TransferredRate]]:
        methods = [str(choice) for choice in _methods(self.parameters)]
        places = {method: self._place(method) for method in methods}
        return [transferred_rates(runs, places) for runs in self.runs]

    def _place(self, method: str) -> Place:
        values = middle(self.parameters, method)
        fields = {p.field: values[p.name] for p in self.parameters if p.name in values}
        rank = fields.get("lora_r")
        ratio = fields.get("domain_ratio", 0.5)
        return Place(self.params, self.scale.tokens, float(ratio), None if rank is None else int(rank))

    def _inside(self, name: str, rate: float) -> float:
        distribution = next(p.distribution for p in self.parameters if p.name == name)
        if isinstance(distribution, Categorical):
            return float(min(distribution.choices, key=lambda choice: abs(float(choice) / rate - 1.0)))
        inside = min(max(rate, distribution.low), distribution.high)
        if distribution.step is not None:
            steps = round((inside - distribution.low) / distribution.step)
            inside = distribution.low + distribution.step * steps
        return float(inside)


def _methods(parameters: Sequence[Parameter]) -> Sequence[Value]:
    distribution = next(p for p in parameters if p.field == "method").distribution
    assert isinstance(distribution, Categorical)
    return distribution.choices
