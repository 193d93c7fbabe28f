"""Ray Tune's `OptunaSearch` with `ASHAScheduler` as documented, driven in this process without a cluster."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.efficiency.problem import ENOUGH, IDLE, Runs, TableProblem
from benchmarks.efficiency.space import Space


@dataclass(frozen=True)
class _Trial:
    """As much of Tune's trial as the scheduler looks at."""

    trial_id: str


def optuna_asha(problem: TableProblem, seed: int) -> Iterator[tuple[int, int]]:
    """Their real classes, called as Tune's controller calls them, one trial at a time.

    `OptunaSearch` has its default sampler, `ASHAScheduler` its default reduction factor of 4 and the first checkpoint
    as its grace period. A trial that ASHA stops is told to the searcher as complete with its last result: so does Tune.
    Recommends the best last result among finished trials; before there is one, among all (`get_best_result`).
    """
    import optuna
    from ray.tune.schedulers import ASHAScheduler, TrialScheduler
    from ray.tune.search.optuna import OptunaSearch

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, runs = Space(problem), Runs(problem, seed)
    searcher = OptunaSearch(space=space.ask, metric="loss", mode="min", seed=seed)
    scheduler = ASHAScheduler(
        time_attr="tokens", metric="loss", mode="min", max_t=problem.max_tokens, grace_period=problem.checkpoints[0]
    )
    shown: dict[int, tuple[bool, float]] = {}
    count = idle = 0
    while idle < IDLE and runs.spent < ENOUGH * problem.grid_tokens:
        trial, before = _Trial(f"trial-{count}"), runs.spent
        setting = space.take(searcher.suggest(trial.trial_id), runs)
        scheduler.on_trial_add(None, trial)
        for tokens in problem.checkpoints:
            result = {"loss": problem.objective(runs.measure(setting, tokens)), "tokens": tokens}
            whole = tokens == problem.max_tokens
            shown[setting] = min(shown.get(setting, (True, float("inf"))), (not whole, result["loss"]))
            if runs.spent > before:
                yield runs.spent, min(shown, key=shown.__getitem__)
            if whole or scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP:
                break
            searcher.on_trial_result(trial.trial_id, {**result, "training_iteration": tokens})
        scheduler.on_trial_complete(None, trial, result)
        searcher.on_trial_complete(trial.trial_id, {**result, "training_iteration": tokens})
        count, idle = count + 1, 0 if runs.spent > before else idle + 1
