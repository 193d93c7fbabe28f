"""Optuna's hyperband as documented: `HyperbandPruner` with `TPESampler`, asked and told by hand."""

from collections.abc import Iterator

import optuna

from benchmarks.efficiency.problem import ENOUGH, IDLE, Runs, TableProblem
from benchmarks.efficiency.space import Space


def hyperband(problem: TableProblem, seed: int) -> Iterator[tuple[int, int]]:
    """Recommends the study's best trial: of the completed ones; before there is one, of the last reports."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Resource in units of the first checkpoint, which is as soon as a trial can be judged.
    first = problem.checkpoints[0]
    most = max(1, round(problem.max_tokens / first))
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=most, reduction_factor=3)
    # Its bracket is a hash of the name, which is random where none is given.
    study = optuna.create_study(
        study_name=f"hyperband-{seed}", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner
    )
    space, runs = Space(problem), Runs(problem, seed)
    shown: dict[int, tuple[bool, float]] = {}
    idle = 0
    while idle < IDLE and runs.spent < ENOUGH * problem.grid_tokens:
        trial, before = study.ask(), runs.spent
        space.ask(trial)
        setting = space.take(trial.params, runs)
        for tokens in problem.checkpoints:
            objective = problem.objective(runs.measure(setting, tokens))
            trial.report(objective, max(1, round(tokens / first)))
            whole = tokens == problem.max_tokens
            shown[setting] = min(shown.get(setting, (True, float("inf"))), (not whole, objective))
            if runs.spent > before:
                yield runs.spent, min(shown, key=shown.__getitem__)
            if not whole and trial.should_prune():
                break
        if tokens == problem.max_tokens:
            study.tell(trial, objective)
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        idle = 0 if runs.spent > before else idle + 1
