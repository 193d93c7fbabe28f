"""The fixed design that a user of the D-CPT law has: a few ratios, each trained whole, and the law fitted to them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from benchmarks.efficiency.problem import Runs, Setting, TableProblem

RATIO, RATE = "domain_ratio", "learning_rate"
RATIOS = 6
"""Ratios of the design, spread evenly over those of the grid."""
_STARTS = (0.1, 0.3, 0.6)
Floats = NDArray[np.float64]


def dcpt_design(problem: TableProblem, seed: int) -> Iterator[tuple[int, int]]:
    """Learning rates at the middle ratio, then ratios at the best rate, the D-CPT law in (ratio, tokens), its optimum.

    Rates and ratios come in an order of the seed, so that no place in the grid is favoured. Where settings differ in
    more (the method, the rank), each of these is treated so in turn, full weights first. Every run is trained whole and
    all its checkpoints go into the fit. Recommends the lowest objective: measured where a run was trained, predicted
    (by a law for each corpus) at the other ratios of the chosen rates.
    """
    runs, order = Runs(problem, seed), np.random.default_rng(seed)
    rated: dict[int, float] = {}
    """Measured objective, or predicted where a law was fitted."""
    for group in _groups(problem):
        for setting in order.permutation(_rate_sweep(problem, group)).tolist():
            rated[setting] = _whole(problem, runs, setting)
            yield runs.spent, min(rated, key=rated.__getitem__)
        rate = problem.settings[min((s for s in rated if s in group), key=rated.__getitem__)][RATE]
        line = sorted((s for s in group if problem.settings[s][RATE] == rate), key=lambda s: _ratio(problem, s))
        for setting in order.permutation([line[i] for i in _spread(len(line), RATIOS)]).tolist():
            rated[setting] = _whole(problem, runs, setting)
            yield runs.spent, min(rated, key=rated.__getitem__)
        measured = [s for s in line if runs.finished(s)]
        others = [s for s in line if not runs.finished(s)]
        rated.update(zip(others, _predicted(problem, seed, measured, others), strict=True))
        yield runs.spent, min(rated, key=rated.__getitem__)


def suits(problem: TableProblem) -> bool:
    """Whether the problem has what the design is about: a ratio and a learning rate."""
    return {RATIO, RATE} <= {axis.name for axis in problem.axes}


def _whole(problem: TableProblem, runs: Runs, setting: int) -> float:
    return problem.objective(runs.measure(setting, problem.max_tokens))


def _groups(problem: TableProblem) -> list[list[int]]:
    """Settings that differ in ratio and rate alone, those with fewest further axes (no rank) first."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for i, setting in enumerate(problem.settings):
        rest = tuple((name, str(value)) for name, value in setting.items() if name not in (RATIO, RATE))
        groups.setdefault(rest, []).append(i)
    return [groups[rest] for rest in sorted(groups, key=lambda rest: (len(rest), rest))]


def _rate_sweep(problem: TableProblem, group: list[int]) -> list[int]:
    """The group's settings at its middle ratio."""
    ratios = sorted({_ratio(problem, s) for s in group})
    middle = ratios[len(ratios) // 2]
    return [s for s in group if _ratio(problem, s) == middle]


def _ratio(problem: TableProblem, setting: int) -> float:
    values: Setting = problem.settings[setting]
    return float(values[RATIO])


def _spread(count: int, most: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def _predicted(problem: TableProblem, seed: int, measured: list[int], line: list[int]) -> list[float]:
    """Objectives of the settings of a line at full length, by laws fitted to those that were measured."""
    if not line:
        return []
    share = {c: np.array([_ratio(problem, s) for s in line]) for c in problem.corpora}
    losses = {}
    for corpus in problem.corpora:
        rows = [
            (_ratio(problem, s), t, problem.measure(s, t, seed)[corpus]) for s in measured for t in problem.checkpoints
        ]
        ratio, tokens, loss = np.array(rows).T
        own, wanted = (ratio, share[corpus]) if corpus == problem.target else (1 - ratio, 1 - share[corpus])
        law = _fit(own, tokens / problem.max_tokens, loss)
        losses[corpus] = _dcpt(law, wanted, np.ones(len(line)))
    return [problem.objective({c: float(losses[c][i]) for c in problem.corpora}) for i in range(len(line))]


def _dcpt(law: Floats, own: Floats, tokens: Floats) -> Floats:
    """D-CPT's law at one size: E + B r^eta / D^beta + C / (r + eps)^gamma (Que et al. 2024, arXiv:2406.01375)."""
    floor, learning, eta, beta, forgetting, eps, gamma = np.exp(law)
    return np.asarray(floor + learning * own**eta / tokens**beta + forgetting / (own + eps) ** gamma)


def _fit(own: Floats, tokens: Floats, loss: Floats) -> Floats:
    """Log parameters by Huber's loss on log losses, best of a few starts."""
    low, high = np.log([1e-3, 1e-6, 1e-2, 1e-2, 1e-6, 1e-4, 1e-2]), np.log([50.0, 20.0, 10.0, 5.0, 20.0, 2.0, 5.0])
    fits = []
    for power in _STARTS:
        start = np.log([0.8 * loss.min(), 0.1, power, power, 0.1, 0.1, power])
        fits.append(
            least_squares(
                lambda law: np.log(_dcpt(law, own, tokens) / loss),
                start,
                bounds=(low, high),
                loss="huber",
                f_scale=1e-3,
                max_nfev=200,
            )
        )
    return np.asarray(min(fits, key=lambda fit: fit.cost).x)
