"""The best learning rate, and what a rank is worth, from runs at several learning rates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sweeper.laws.arrays import Floats
from sweeper.laws.engine.descent import Problem, fit_groups, huber, log_residuals
from sweeper.laws.engine.resample import resampled_runs, row_weights
from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import DRAWS
from sweeper.laws.fits.noise import Noise, emphasis, replicate_noise, residual_noise
from sweeper.laws.fits.prediction import Prediction, interval
from sweeper.laws.forms.law import frame_of
from sweeper.laws.forms.tuned_rate import TunedRate
from sweeper.laws.tables.points import Points, points_of
from sweeper.laws.tables.table import Table

MIN_RATES = 3
_STARTS, _ITERATIONS, _RESAMPLE_ITERATIONS = 48, 300, 60
_FLAT = 1e-3
"""Curvature below which a rate ten times off costs less than a quarter of a percent."""


@dataclass(frozen=True)
class BestRate:
    """A learning rate with its interval."""

    rate: float
    low: float
    high: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RateFit:
    """The law of learning rate and rank of one corpus."""

    corpus: str
    law: TunedRate
    params: Floats
    """(p,)"""
    samples: Floats
    """(bootstrap, p)"""
    rows: int
    runs: int
    huber: float
    """Mean Huber loss (1e-3) of log-loss residuals."""
    noise: Noise
    seed: int

    def best_rate(
        self,
        *,
        tokens: float,
        params: float,
        share: float,
        method: str = "",
        lora_r: float | None = None,
        level: float = 0.9,
    ) -> BestRate:
        """The learning rate of least loss of this corpus.

        Args:
            tokens: Training tokens.
            params: Total parameters.
            share: The corpus' own share of them.
            method: One of those measured.
            lora_r: Rank, for a method with adapters.
            level: Of the interval over resampled runs.

        Raises:
            LawError: a size or method that was not measured.
        """
        points = self._points(tokens, params, share, np.nan, method, lora_r)
        rates = self.law.best_rate(np.vstack([self.params, self.samples]), points)[:, 0]
        low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
        center = float(rates[0])
        return BestRate(center, min(float(low), center), max(float(high), center), self._notes(center, method))

    def predict(
        self,
        *,
        learning_rate: ArrayLike,
        tokens: ArrayLike,
        params: ArrayLike,
        share: ArrayLike,
        method: str = "",
        lora_r: ArrayLike | None = None,
        level: float = 0.9,
    ) -> Prediction:
        """The loss of a new run at a learning rate; arguments broadcast against each other.

        The interval is over resampled runs and the noise of a single run.

        Raises:
            LawError: a size or method that was not measured.
        """
        shape = np.broadcast_shapes(*(np.shape(each) for each in (learning_rate, tokens, params, share)))
        points = self._points(tokens, params, share, learning_rate, method, lora_r)
        center = self.law.predict(self.params[None], points)[0]
        rng = np.random.default_rng([self.seed, 3])
        draws = np.log(self.law.predict(np.vstack([self.params, self.samples]), points))
        draws = draws[np.arange(DRAWS) % len(draws)]
        samples = np.exp(draws + rng.standard_t(max(self.noise.dof, 1), (DRAWS, 1)) * self.noise.sd)
        low, high = interval(center, samples, level)
        reach = float(np.max(points.tokens) / self.law.frame.tokens)
        return Prediction(
            center.reshape(shape), low.reshape(shape), high.reshape(shape), samples.reshape(-1, *shape), reach, notes=()
        )

    def _points(
        self,
        tokens: ArrayLike,
        params: ArrayLike,
        share: ArrayLike,
        rate: ArrayLike,
        method: str,
        lora_r: ArrayLike | None,
    ) -> Points:
        given = (params, tokens, share, rate, np.nan if lora_r is None else lora_r)
        size, trained, own, rates, rank = (
            np.atleast_1d(each).ravel()
            for each in np.broadcast_arrays(*[np.asarray(v, dtype=np.float64) for v in given])
        )
        unknown = np.full(len(own), np.nan)
        known = {"learning_rate": rates, "lora_r": rank, "method": np.full(len(own), method)}
        return Points(size, trained, own, trained, np.zeros(len(own)), unknown, **known)

    def _notes(self, rate: float, method: str) -> tuple[str, ...]:
        notes, (low, high) = [], self.law.frame.rates
        if not low <= rate <= high:
            notes.append(f"The best rate, {rate:.2g}, is outside the measured {low:.2g} to {high:.2g}: measure there.")
        name = f"k[{method}]" if self.law.frame.methods else "k"
        if self.params[self.law.names.index(name)] < _FLAT:
            notes.append("The loss hardly depends on the learning rate here: the best one is not determined.")
        return tuple(notes)


def fit_learning_rate(table: Table, corpus: str, *, seed: int = 0, bootstrap: int = 200) -> RateFit:
    """Fits the law to the rows of one corpus, of all methods, sizes, ratios and ranks.

    A searched table, in which every run has a learning rate, ratio and rank of its own, will do; so will a grid.

    Args:
        table: Measurements with a learning rate in every row after training began.
        corpus: Whose loss.
        seed: Of starts and resamples.
        bootstrap: Resamples of whole runs.

    Raises:
        LawError: learning rates are missing or fewer than three, or the corpus is not there.
    """
    rows = table.rows(table.tokens > 0).where(corpus=corpus)
    _check(rows)
    points = points_of(rows)
    law = TunedRate(frame_of(points, rows.loss))
    problem = Problem(law, points, np.log(rows.loss), emphasis(rows))
    rng = np.random.default_rng([seed, 2])
    starts = law.starts(rng, _STARTS)[None]
    params = fit_groups(problem, np.ones((1, len(rows))), starts, _ITERATIONS).params[0]
    samples = _resampled(problem, rows, params, bootstrap, seed)
    residuals = log_residuals(problem, params[None])[0]
    return RateFit(
        corpus=corpus,
        law=law,
        params=params,
        samples=samples,
        rows=len(rows),
        runs=len(np.unique(rows.trial)),
        huber=float(huber(residuals).mean()),
        noise=replicate_noise(rows) or residual_noise(residuals, len(params)),
        seed=seed,
    )


def _resampled(problem: Problem, rows: Table, params: Floats, count: int, seed: int) -> Floats:
    """(count, p) fits to resampled runs."""
    if count == 0:
        return np.empty((0, len(params)))
    trials, draws = resampled_runs(rows, count, np.random.default_rng([seed, 1]))
    rng = np.random.default_rng([seed, 4])
    starts = np.stack([np.vstack([params, problem.law.starts(rng, 1)]) for _ in range(count)])
    return fit_groups(problem, row_weights(rows, trials, draws), starts, _RESAMPLE_ITERATIONS).params


def _check(rows: Table) -> None:
    missing = np.isnan(rows.learning_rate)
    if missing.any():
        raise LawError(
            f"learning_rate: row {int(np.flatnonzero(missing)[0])} of {rows.corpus[0]} has none; the law of learning "
            "rates needs it in every row"
        )
    rates = len(np.unique(rows.learning_rate))
    if rates < MIN_RATES:
        raise LawError(f"learning_rate: {rates} different ones; {MIN_RATES} or more are needed to find a best one")
