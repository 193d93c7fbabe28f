"""Optuna's samplers from the experiment's options."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.experiment.distributions import Parameter
from sweeper.experiment.samplers import Gp, Grid, Sampler, Tpe

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from sweeper.search.mirror_sampler import Prior


def build_sampler(
    asked: Sampler,
    parameters: Sequence[Parameter],
    startup_trials: int,
    seed: int,
    trials: int = 0,
    prior: Prior | None = None,
) -> BaseSampler:
    """The sampler that proposes.

    Args:
        asked: Its name and options.
        parameters: The space.
        startup_trials: Random trials before `tpe` or `gp` models, where its options do not say.
        seed: Of the experiment.
        trials: How many the study has already: a sampler that began again from its seed would propose the same.
        prior: What earlier studies add; for `tpe` and `gp`.
    """
    from optuna.samplers import RandomSampler

    if isinstance(asked, Grid):
        from sweeper.search.grid import ConditionalGrid

        return ConditionalGrid(parameters, seed)
    startup = (
        startup_trials if not isinstance(asked, Tpe | Gp) or asked.n_startup_trials is None else asked.n_startup_trials
    )
    own_seed = seed + 1009 * trials
    if not isinstance(asked, Tpe | Gp):
        return RandomSampler(seed=own_seed)
    from sweeper.search.mirror_sampler import MirrorSampler

    def make(of_trial: int) -> BaseSampler:
        return _tpe(asked, 0, of_trial) if isinstance(asked, Tpe) else _gp(asked, of_trial)

    mirror = MirrorSampler(parameters, make, startup, seed, flat=isinstance(asked, Gp), prior=prior)
    if isinstance(asked, Gp) or prior is not None:
        return mirror
    from sweeper.search.mirrored_late import MirroredLate

    return MirroredLate(_tpe(asked, startup, own_seed), mirror)


def _tpe(asked: Tpe, startup: int, seed: int) -> BaseSampler:
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import TPESampler

    # `group` is what gives conditional spaces a joint model; Optuna calls it experimental at every start.
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    return TPESampler(
        n_startup_trials=startup,
        n_ei_candidates=asked.n_ei_candidates,
        multivariate=asked.multivariate,
        group=asked.group,
        constant_liar=asked.constant_liar,
        seed=seed,
    )


def _gp(asked: Gp, seed: int) -> BaseSampler:
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import GPSampler

    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    return GPSampler(n_startup_trials=0, deterministic_objective=asked.deterministic_objective, seed=seed)
