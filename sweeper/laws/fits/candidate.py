"""One law fitted to one corpus: parameters, how well it fits, what it errs on rows left out."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.engine.descent import Problem, fit_groups, huber, log_residuals
from sweeper.laws.fits.holdout import HeldOut, held_out_errors
from sweeper.laws.fits.noise import late_rows
from sweeper.laws.forms.law import Law
from sweeper.laws.tables.table import Table

_STARTS = 48
_RESAMPLE_ITERATIONS = 60


@dataclass(frozen=True)
class Parameter:
    """A fitted number; stderr and the 90 % interval come from the bootstrap."""

    value: float
    stderr: float
    low: float
    high: float


@dataclass(frozen=True)
class Candidate:
    """A law, fitted."""

    law: Law
    params: Floats
    """(p,)"""
    samples: Floats
    """(bootstrap, p)"""
    huber: float
    """Mean Huber loss (1e-3) of log-loss residuals."""
    r2: float
    rmse: float
    """Nats, as mae."""
    mae: float
    held_out_log: HeldOut
    scale: float
    """Typical loss in nats; turns errors of log loss into nats."""

    @property
    def name(self) -> str:
        """The law's name."""
        return self.law.name

    @property
    def parameters(self) -> dict[str, Parameter]:
        """By name; logarithms are given back as what they are the logarithm of."""
        result = {}
        for i, name in enumerate(self.law.names):
            values = np.concatenate([self.params[i : i + 1], self.samples[:, i]])
            if name.startswith("ln_"):
                name, values = name.removeprefix("ln_"), np.exp(values)
            low, high = np.quantile(values[1:] if len(values) > 1 else values, (0.05, 0.95))
            spread = float(np.std(values[1:])) if len(values) > 1 else float("nan")
            result[name] = Parameter(float(values[0]), spread, float(low), float(high))
        return result

    @property
    def held_out(self) -> dict[str, float | None]:
        """Root mean square errors in nats; `leave_one_ratio_out` is over interior ratios, the selection criterion."""
        logs = self.held_out_log.summary()
        return {name: None if value is None else value * self.scale for name, value in logs.items()}


def fit_candidate(problem: Problem, table: Table, resamples: Floats, rng: np.random.Generator) -> Candidate:
    """Fits a law from many starts, then its held-out errors, then its bootstrap.

    Args:
        problem: The law and the rows.
        table: The same rows.
        resamples: (bootstrap, rows) row weights.
        rng: Draws the starts.
    """
    law, rows = problem.law, np.ones((1, len(table)))
    params = fit_groups(problem, rows, law.starts(rng, _STARTS)[None], iterations=200).params[0]
    errors = held_out_errors(problem, table, params, rng)
    samples = np.empty((0, len(params)))
    if len(resamples):
        starts = np.stack([np.vstack([params, law.starts(rng, 1)]) for _ in resamples])
        samples = fit_groups(problem, resamples, starts, _RESAMPLE_ITERATIONS).params
    residuals = law.predict(params[None], problem.points)[0] - table.loss
    total = float(np.sum((table.loss - table.loss.mean()) ** 2))
    return Candidate(
        law=law,
        params=params,
        samples=samples,
        huber=float(huber(log_residuals(problem, params[None])).mean()),
        r2=1.0 - float(np.sum(residuals**2)) / total if total > 0 else 0.0,
        rmse=float(np.sqrt(np.mean(residuals**2))),
        mae=float(np.mean(np.abs(residuals))),
        held_out_log=errors,
        scale=float(np.median(table.loss[late_rows(table)])),
    )
