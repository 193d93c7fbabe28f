"""How long fits take: our engine beside a loop over SciPy's, on the same work in one process.

    python -m benchmarks.laws_speed [--resamples 1000] [--repeats 5]

The work is a bootstrap of the nine-parameter D-CPT law on 540 points: each resample of runs is fitted from the fit to
all rows and from one random start, on Huber's loss of log losses. Both sides take the same table, row weights, starts,
bounds, objective and analytic gradient (which a plain call of `curve_fit` would not have). SciPy's sides fit a few of
the resamples, one by one; seconds are for each resample. `fits as good` is the part of these whose cost ours does not
exceed.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.optimize import least_squares, minimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for those who start this file without `-m`

from benchmarks.laws_rows import Row, text_of
from benchmarks.laws_tables import dcpt_truth, simulated
from sweeper.laws import fit
from sweeper.laws.arrays import Floats
from sweeper.laws.engine.descent import fit_groups
from sweeper.laws.engine.objective import HUBER_DELTA, Problem, cost_of, log_residuals
from sweeper.laws.engine.resample import resampled_runs, row_weights
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.forms.law import frame_of
from sweeper.laws.tables.points import points_of

T = TypeVar("T")
RESAMPLES, REPEATS, THEIRS = 1000, 5, 4
_STARTS, _ITERATIONS = 2, 60
_ALIKE = 1e-5
"""Relative difference of costs that moves no parameter by a tenth of its error."""
_IMPORT = """
import time, numpy, scipy
begin = time.perf_counter()
import sweeper.laws
print(time.perf_counter() - begin)
"""


@dataclass(frozen=True)
class Work:
    """What every side is given."""

    problem: Problem
    weights: Floats
    """(resamples, n)"""
    starts: Floats
    """(resamples, starts, p)"""

    def part(self, count: int) -> "Work":
        """The first resamples."""
        return Work(self.problem, self.weights[:count], self.starts[:count])


def rows(tables: Path | None = None, resamples: int = RESAMPLES, repeats: int = REPEATS) -> list[Row]:
    """Every part of this module; `tables` is not needed."""
    return [*against_scipy(work_of(resamples), repeats), fit_seconds(), import_seconds()]


def work_of(resamples: int) -> Work:
    """The bootstrap of one simulated table."""
    table, rng = simulated(dcpt_truth, 0, corpora=("domain",)), np.random.default_rng(0)
    points = points_of(table)
    problem = Problem(DCpt(frame_of(points, table.loss)), points, np.log(table.loss))
    params = fit_groups(problem, np.ones((1, len(table))), problem.law.starts(rng, 48)[None], 200).params[0]
    weights = row_weights(table, *resampled_runs(table, resamples, rng))
    others = problem.law.starts(rng, resamples * (_STARTS - 1)).reshape(resamples, _STARTS - 1, -1)
    return Work(problem, weights, np.concatenate([np.repeat(params[None, None], resamples, axis=0), others], axis=1))


def against_scipy(work: Work, repeats: int) -> list[Row]:
    """Seconds of all resamples, and how many times longer SciPy takes for one; a repeat times all sides in turn."""
    sides = {"minimize, L-BFGS-B": by_minimize, "least_squares, as curve_fit": by_least_squares}
    ours: list[float] = []
    ratios: dict[str, list[float]] = {name: [] for name in sides}
    as_good: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats):
        seconds, costs = _timed(lambda: fit_groups(work.problem, work.weights, work.starts, _ITERATIONS).cost)
        ours.append(seconds)
        few = slice(repeat * THEIRS, (repeat + 1) * THEIRS)
        for name, side in sides.items():
            theirs, their_costs = _timed(partial(side, Work(work.problem, work.weights[few], work.starts[few])))
            ratios[name].append(theirs / THEIRS / (seconds / len(work.weights)))
            as_good[name].append(float(np.mean(costs[few] <= their_costs * (1 + _ALIKE))))
    middle = float(np.median(ours))
    said = f"below 30; {min(ours):.2f} to {max(ours):.2f} s over {repeats} repeats"
    found = [Row(f"speed: {len(work.weights)} refits, s", None, middle, middle, 30.0, goal=said)]
    for name, each in ratios.items():
        ratio = float(np.median(each))
        said = f"at least 20; {min(each):.0f} to {max(each):.0f}; fits as good {np.mean(as_good[name]):.0%}"
        found.append(Row(f"speed: SciPy {name} / ours", None, ratio, 20.0 / ratio, 1.0, goal=said))
    return found


def by_minimize(work: Work) -> Floats:
    """(resamples,) least costs from `scipy.optimize.minimize` with our objective and gradient."""
    problem, space = work.problem, work.problem.law.space()
    bounds = list(zip(space.lower, space.upper, strict=True))

    def objective(params: Floats, weights: Floats) -> tuple[float, Floats]:
        residuals = log_residuals(problem, params[None])
        cost = cost_of(problem, space, weights, params[None], residuals)[0]
        loss = np.exp(residuals + problem.log_loss)
        jacobian = problem.law.jacobian(params[None], problem.points)[0] / loss[0][:, None]
        pull = weights[0] * np.clip(residuals[0], -HUBER_DELTA, HUBER_DELTA)
        prior = problem.prior_scale * (params - space.prior_mean) / space.prior_sd**2
        return 1e4 * float(cost), 1e4 * (pull @ jacobian + prior)  # else below its tolerances from the first step on

    def one(start: Floats, weights: Floats) -> float:
        found = minimize(objective, start, args=(weights[None],), jac=True, bounds=bounds, method="L-BFGS-B",
                         options={"maxiter": 2000, "maxfun": 4000})  # fmt: skip
        return float(found.fun) / 1e4

    return _best(work, one)


def by_least_squares(work: Work) -> Floats:
    """(resamples,) least costs from `scipy.optimize.least_squares`, what `curve_fit` calls within bounds."""
    problem, space = work.problem, work.problem.law.space()
    inner = np.clip(work.starts, space.lower + 1e-9, space.upper - 1e-9)

    def one(start: Floats, weights: Floats) -> float:
        used = np.flatnonzero(weights > 0)
        root = np.sqrt(weights[used])

        def residuals(params: Floats) -> Floats:
            return np.asarray(root * log_residuals(problem, params[None])[0][used])

        def jacobian(params: Floats) -> Floats:
            loss = problem.law.predict(params[None], problem.points)[0]
            return np.asarray((problem.law.jacobian(params[None], problem.points)[0] / loss[:, None])[used]
                              * root[:, None])  # fmt: skip

        found = least_squares(residuals, start, jacobian, bounds=(space.lower, space.upper), loss="huber",
                              f_scale=HUBER_DELTA, x_scale="jac", max_nfev=400)  # fmt: skip
        at = found.x[None]
        return float(cost_of(problem, space, weights[None], at, log_residuals(problem, at))[0])

    return _best(Work(problem, work.weights, inner), one)


def _best(work: Work, one: Callable[[Floats, Floats], float]) -> Floats:
    return np.array(
        [
            min(one(start, weights) for start in starts)
            for starts, weights in zip(work.starts, work.weights, strict=True)
        ]
    )


def fit_seconds() -> Row:
    """A whole `fit` of the D-CPT law to both corpora, held-out errors included, without bootstrap."""
    table = simulated(dcpt_truth, 0)
    seconds = float(np.median([_timed(lambda: fit(table, law="dcpt", bootstrap=0))[0] for _ in range(3)])) / 2
    return Row("speed: fit of 540 points without bootstrap, s", None, seconds, seconds, 2.0, goal="below 2")


def import_seconds() -> Row:
    """`import sweeper.laws` in a fresh process after numpy and SciPy; the fastest of five."""
    command = [sys.executable, "-c", _IMPORT]
    found = [float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(5)]
    return Row("speed: import sweeper.laws, s", None, min(found), min(found), 0.3, goal="below 0.3")


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the rows; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laws_speed", description=__doc__)
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="of the bootstrap")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of the comparison")
    options = parser.parse_args(arguments)
    found = rows(resamples=options.resamples, repeats=options.repeats)
    print(text_of(found))
    return int(not all(row.passed for row in found))


if __name__ == "__main__":
    sys.exit(main())
