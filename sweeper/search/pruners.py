"""Optuna's pruners from the experiment's options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.experiment.pruners import Hyperband, Median, NoPruner, Pruner, SuccessiveHalving, Wilcoxon

if TYPE_CHECKING:
    import optuna


def build_pruner(asked: Pruner, rungs: Sequence[int], whole: int) -> optuna.pruners.BasePruner:
    """The pruner that decides who makes the cut.

    Args:
        asked: Its name and options.
        rungs: Tokens at which trials may be stopped, rising; without any, none is.
        whole: Tokens of a trial that is not stopped.
    """
    from optuna import pruners

    if (
        isinstance(asked, NoPruner | Wilcoxon) or not rungs
    ):  # Wilcoxon's test is made over documents, see paired_pruning
        return pruners.NopPruner()
    if isinstance(asked, Median):
        return pruners.MedianPruner(asked.n_startup_trials, asked.n_warmup_steps, n_min_trials=asked.n_min_trials)
    least = asked.min_resource or rungs[0]
    factor = reduction_factor(asked, rungs)
    if isinstance(asked, Hyperband):
        return pruners.HyperbandPruner(least, asked.max_resource or whole, factor, asked.bootstrap_count)
    return pruners.SuccessiveHalvingPruner(least, factor, asked.min_early_stopping_rate, asked.bootstrap_count)


def reduction_factor(asked: SuccessiveHalving | Hyperband, rungs: Sequence[int]) -> int:
    """One trial in so many goes on: as asked, else as the rungs lie apart."""
    if asked.reduction_factor is not None:
        return asked.reduction_factor
    return max(2, round(rungs[1] / rungs[0])) if len(rungs) > 1 else 2


def share_that_goes_on(asked: Pruner, rungs: Sequence[int]) -> float:
    """The part of a rung's trials that makes the cut."""
    if isinstance(asked, SuccessiveHalving | Hyperband):
        return 1.0 / reduction_factor(asked, rungs)
    return 0.5 if isinstance(asked, Median) else 1.0
