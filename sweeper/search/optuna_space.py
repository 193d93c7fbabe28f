"""The experiment's distributions as Optuna's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.experiment.distributions import Distribution, Float, Int, Parameter

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def optuna_space(parameters: Sequence[Parameter]) -> dict[str, BaseDistribution]:
    """Every parameter's distribution, by name; what `propose` suggests values from."""
    return {parameter.name: optuna_distribution(parameter.distribution) for parameter in parameters}


def optuna_distribution(distribution: Distribution) -> BaseDistribution:
    """One of them."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, Float):
        return FloatDistribution(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    if isinstance(distribution, Int):
        by = distribution.step or 1
        return IntDistribution(distribution.low, distribution.high, log=distribution.log, step=by)
    return CategoricalDistribution(distribution.choices)
