import math
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweeper.experiment.distributions import Categorical, Float, Int, Parameter
from sweeper.experiment.samplers import Gp, Grid, Random, Sampler, Tpe
from sweeper.search.outcome import Outcome
from sweeper.search.proposal import Proposal
from sweeper.search.samplers import build_sampler
from sweeper.search.study import Study
from tests.search.searched import SPACE, study


def opened(folder: Path, sampler: Sampler, space: tuple[Parameter, ...] = SPACE, seed: int = 0) -> Study:
    from sweeper.experiment.pruners import NoPruner

    return Study(
        folder / "study.log", "s", space,
        sampler=sampler, startup_trials=3, pruner=NoPruner(), rungs=(), max_tokens=400, seed=seed,
    )  # fmt: skip


def bowl(proposal: Proposal) -> float:
    """Best at 1e-3 for full weights and 1e-2 for adapters, the latter a little worse."""
    best, level = (1e-3, 2.0) if proposal.method == "full" else (1e-2, 2.1)
    return level + 0.1 * math.log(proposal.learning_rate / best) ** 2 + 0.5 * (proposal.domain_ratio - 0.6) ** 2


def searched(asked: Study, trials: int) -> list[Proposal]:
    found = []
    for _ in range(trials):
        trial, proposal = asked.ask()
        asked.tell(trial, Outcome("completed", (bowl(proposal),), excess=proposal.domain_ratio - 0.7))
        found.append(proposal)
    return found


@pytest.mark.parametrize("sampler", [Tpe(), Tpe(group=False), Tpe(multivariate=False, group=False)])
def test_a_model_finds_the_rate_of_each_method_better_than_chance_would(tmp_path: Path, sampler: Sampler) -> None:
    late = searched(opened(tmp_path, sampler), 26)[10:]
    chance = searched(opened(tmp_path / "chance", Random()), 26)[10:]
    assert sum(map(bowl, late)) / len(late) < sum(map(bowl, chance)) / len(chance)


def test_a_gaussian_process_models_the_rates_though_they_are_conditional(tmp_path: Path) -> None:
    searched(opened(tmp_path, Random()), 12)
    late = searched(opened(tmp_path, Gp()), 4)
    off = [abs(math.log(p.learning_rate / (1e-3 if p.method == "full" else 1e-2))) for p in late]
    assert sorted(off)[1] < 0.5


def test_a_restarted_gaussian_process_proposes_what_it_would_have(tmp_path: Path) -> None:
    whole = searched(opened(tmp_path / "a", Gp()), 6)
    parts = searched(opened(tmp_path / "b", Gp()), 4) + searched(opened(tmp_path / "b", Gp()), 2)
    assert parts == whole


def test_running_trials_are_not_proposed_again(tmp_path: Path) -> None:
    asked = opened(tmp_path, Gp())
    searched(asked, 4)
    rates = [asked.ask()[1].learning_rate for _ in range(2)]
    assert all(abs(math.log(a / b)) > 1e-3 for a in rates for b in rates if a is not b)


GRID = (
    Parameter("method", "method", Categorical(("full", "lora"))),
    Parameter("learning_rate", "learning_rate", Categorical((1e-4, 1e-3))),
    Parameter("lora_r", "lora_r", Int(4, 12, step=4), {"method": ("lora",)}),
    Parameter("domain_ratio", "domain_ratio", Float(0.1, 0.3, step=0.1)),
)


def test_a_grid_tries_every_combination_once_across_a_restart(tmp_path: Path) -> None:
    found = searched(opened(tmp_path, Grid(), GRID), 10) + searched(opened(tmp_path, Grid(), GRID), 14)
    assert len(found) == len(set(found)) == 2 * 3 + 2 * 3 * 3


def test_options_reach_optuna() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: Any = build_sampler(Tpe(n_ei_candidates=7, constant_liar=False, n_startup_trials=9), SPACE, 3, 0)._small  # type: ignore[attr-defined]
    assert (made._n_ei_candidates, made._constant_liar, made._n_startup_trials) == (7, False, 9)


def test_a_trial_that_diverged_is_never_among_those_that_tpe_imitates(tmp_path: Path) -> None:
    """Told as failed it would be forgotten, and its learning rate tried again."""
    asked = study(tmp_path)
    for value in (2.0, 2.1, 2.2):
        trial, _ = asked.ask()
        asked.tell(trial, Outcome("completed", (value,), excess=0.5))  # even beside trials that break the constraint
    trial, _ = asked.ask()
    asked.tell(trial, Outcome("diverged"))
    below, above = optuna.samplers._tpe.sampler._split_trials(asked._study, asked.trials(), 3)
    assert [t.number for t in above] == [3] and len(below) == 3


def test_failures_do_not_change_what_is_proposed_next(tmp_path: Path) -> None:
    """Same told trials, same random numbers: a failure in between leaves the model as it was."""
    proposals = []
    for outcome in (None, Outcome("failed")):
        asked = study(tmp_path / str(outcome is None))
        for _ in range(6):
            trial, proposal = asked.ask()
            asked.tell(trial, Outcome("completed", (bowl(proposal),), excess=-1.0))
        if outcome is not None:
            asked.tell(asked.ask()[0], outcome)
        seen = optuna.samplers._tpe.sampler._split_trials(
            asked._study, asked._study._get_trials(deepcopy=False, states=SEEN), 2
        )
        proposals.append([[t.number for t in part] for part in seen])
    assert proposals[0] == proposals[1]


SEEN = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED, optuna.trial.TrialState.RUNNING)
