"""A sampler on the study itself while it is small, and on a thinned copy of it from then on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from sweeper.search.thinned import MOST

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution


class MirroredLate(BaseSampler):
    """Most studies stay small: Optuna's own sampler, with its own random numbers, is what proposes there.

    Args:
        small: Asked up to `MOST` trials.
        large: Asked beyond.
    """

    def __init__(self, small: BaseSampler, large: BaseSampler) -> None:
        self._small, self._large = small, large

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """That of the one that proposes."""
        return self._for(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """By the one that proposes."""
        return self._for(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """By the one that proposes."""
        return self._for(trial).sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Passed on."""
        self._for(trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Passed on."""
        self._for(trial).after_trial(study, trial, state, values)

    def _for(self, trial: FrozenTrial) -> BaseSampler:
        return self._small if trial.number <= MOST else self._large
