"""A sampler that tries every combination of a space's values once."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler

from sweeper.experiment.distributions import Parameter
from sweeper.experiment.grid import grid_points
from sweeper.search.optuna_space import optuna_space
from sweeper.search.outcome import AGAIN

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class ConditionalGrid(BaseSampler):
    """The n-th trial has the n-th point; combinations that differ in values that do not exist in them are one point.

    Optuna's `GridSampler` knows no conditions and would try such a point once for each value it does not have. The
    order is drawn from the seed, so that a study that is continued goes on where it was.

    Args:
        parameters: The space, all of it choices or steps.
        seed: Of the order.
    """

    def __init__(self, parameters: Sequence[Parameter], seed: int) -> None:
        self._points = grid_points(parameters)
        random.Random(seed).shuffle(self._points)
        self._space = optuna_space(parameters)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All parameters."""
        return dict(self._space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Mapping[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The trial's point; trials that stand in for failed ones have theirs already and take none from the rest."""
        others = (t for t in study.get_trials(deepcopy=False) if t.number < trial.number)
        return dict(self._points[sum(AGAIN not in t.user_attrs for t in others) % len(self._points)])

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Never asked: a point has every value that exists in it."""
        raise AssertionError(f"{param_name} is not in the grid")
