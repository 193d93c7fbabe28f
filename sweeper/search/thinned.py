"""A part of a large study that says what all of it says, so that proposals do not slow down as it grows."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from sweeper.search.pareto import front

MOST = 250
"""Trials a sampler is shown. TPE imitates the best tenth, 25 at most: of 250 trials or more these are the same 25."""
BEST = 25


def thinned(trials: Sequence[FrozenTrial], most: int = MOST) -> list[FrozenTrial]:
    """The best trials, or the front where there are several objectives, and others evenly spread over the study."""
    if len(trials) <= most:
        return list(trials)
    kept = {trial.number for trial in _best(trials)}
    rest = [trial for trial in trials if trial.number not in kept]
    wanted = most - len(kept)
    kept |= {rest[(i * len(rest)) // wanted].number for i in range(wanted)}
    return [trial for trial in trials if trial.number in kept]


def _best(trials: Sequence[FrozenTrial]) -> Sequence[FrozenTrial]:
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    if complete and len(complete[0].values) > 1:
        return [complete[i] for i in front([t.values for t in complete])][:BEST]
    return sorted(trials, key=_rank)[:BEST]


def _rank(trial: FrozenTrial) -> tuple[float, bool, float, float]:
    """As TPE ranks: those that hold the constraint first, complete ones before pruned ones, then by value."""
    excess = sum(max(0.0, value) for value in trial.constraints.values())
    if trial.state == TrialState.COMPLETE:
        return excess, False, 0.0, float(trial.values[0])
    step, value = max(trial.intermediate_values.items(), default=(-1, 0.0))
    return excess, True, -step, value
