"""From a table to the laws of every corpus."""

from typing import Literal

import numpy as np

from sweeper.laws.engine.descent import Problem, log_residuals
from sweeper.laws.engine.resample import resampled_runs, row_weights
from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import Candidate, fit_candidate
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.holdout import interpolation_error, unchanged_error
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.noise import emphasis, late_rows, replicate_noise, residual_noise
from sweeper.laws.forms.anchored import Anchored
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.forms.law import Law, frame_of
from sweeper.laws.tables.points import points_of
from sweeper.laws.tables.table import Table

LawName = Literal["auto", "dcpt", "anchored"]
_MIN_ROWS = 4


def fit(
    table: Table, *, law: LawName = "auto", seed: int = 0, bootstrap: int = 200, method: str | None = None
) -> LawSet:
    """Fits laws to every corpus of the mixture.

    Args:
        table: Measurements of one method (or name it in `method`).
        law: `auto` fits both laws and uses the one with the smaller leave-one-ratio-out error at interior ratios, in
            the second half of the tokens; a name fits and uses that law alone.
        seed: Of starts and resamples; the same seed gives the same laws.
        bootstrap: Resamples of whole runs; 0 leaves the parameters' spread out of the intervals.
        method: Fit the rows of this method.

    Raises:
        LawError: several methods, too few rows, or a law that the table does not allow.
    """
    if law not in ("auto", "dcpt", "anchored"):
        raise LawError(f"law: {law!r} is not known; allowed are auto, dcpt, anchored")
    if bootstrap < 0:
        raise LawError(f"bootstrap: {bootstrap} is below 0")
    table, trained = _one_method(table, method)
    rng = np.random.default_rng([seed, 1])
    trials, draws = resampled_runs(trained, bootstrap, rng)
    corpora, notes = {}, [*table.notes, *_table_notes(trained)]
    for name in trained.corpora:
        rows = trained.where(corpus=name)
        if not np.any(rows.share > 0):
            notes.append(f"{name} is in no mixture: a law of its own share says nothing, so none is fitted.")
            continue
        corpora[name] = _fit_corpus(rows, law, row_weights(rows, trials, draws), np.random.default_rng([seed, 2]))
    if not corpora:
        raise LawError("corpus: no measured corpus is part of a mixture; check domain_ratio or ratio.NAME")
    return LawSet(
        corpora=corpora,
        target=table.target,
        remainder=table.remainder,
        ratio_range=(float(trained.domain_ratio.min()), float(trained.domain_ratio.max())),
        area_per_token=_area_per_token(trained),
        seed=seed,
        notes=notes,
    )


def _one_method(table: Table, method: str | None) -> tuple[Table, Table]:
    """All rows of the method, and those after some training."""
    if method is not None:
        table = table.where(method=method)
    trained = table.rows(table.tokens > 0)
    if len(trained) == 0:
        raise LawError("tokens: every row is at 0; a law needs measurements during training")
    methods = sorted(set(trained.method.tolist()))
    if len(methods) > 1:
        raise LawError(
            f"method: the table has {', '.join(methods)}; a law is a law of one method, so name which to fit"
        )
    return table, trained


def _table_notes(trained: Table) -> list[str]:
    notes = []
    for size in np.unique(trained.params):
        rates = np.unique(trained.learning_rate[(trained.params == size) & ~np.isnan(trained.learning_rate)])
        if len(rates) > 1:
            notes.append(
                f"Size {size:.4g} has {len(rates)} learning rates: rate trades against ratio, so this law is one of "
                "their mean."
            )
    sizes = len(np.unique(trained.params))
    if sizes < 3:
        notes.append(f"{sizes} model size(s): each has offsets of its own; there is no extrapolation in N.")
    return notes


def _fit_corpus(
    rows: Table, law: LawName, resamples: np.ndarray[tuple[int, ...], np.dtype[np.float64]], rng: np.random.Generator
) -> CorpusFit:
    if len(rows) < _MIN_ROWS:
        raise LawError(f"loss: {rows.corpus[0]} has {len(rows)} rows; at least {_MIN_ROWS} are needed to fit anything")
    points, log_loss, notes = points_of(rows), np.log(rows.loss), []
    frame = frame_of(points, rows.loss)
    laws: list[Law] = [DCpt(frame)] if law != "anchored" else []
    if law != "dcpt":
        if np.isnan(rows.base_loss).any():
            missing = "Base losses are missing for some rows (no base_loss, no row at tokens = 0)"
            if law == "anchored":
                raise LawError(f"base_loss: {rows.corpus[0]}: {missing.lower()}; the anchored law needs them")
            notes.append(f"{missing}: the anchored law is not available.")
        else:
            laws.append(Anchored(frame))
            notes += [] if frame.decayed else ["No row is in the decay of a schedule: the annealing term is left out."]
    problems = {each.name: Problem(each, points, log_loss, emphasis(rows)) for each in laws}
    candidates = {name: fit_candidate(problem, rows, resamples, rng) for name, problem in problems.items()}
    chosen = _choose(candidates, notes)
    noise = replicate_noise(rows.rows(late_rows(rows)))
    if noise is None:
        residuals = log_residuals(problems[chosen], candidates[chosen].params[None])[0]
        noise = residual_noise(residuals[late_rows(rows)], len(candidates[chosen].params) // 2)
        notes.append(
            "No run was repeated with another seed: the spread about the law stands in for the noise of a run."
        )
    known = rows.rows(~np.isnan(rows.base_loss))
    return CorpusFit(
        corpus=str(rows.corpus[0]),
        law=chosen,
        candidates=candidates,
        rows=len(rows),
        runs=len(np.unique(rows.trial)),
        ratios=tuple(float(r) for r in np.unique(np.round(rows.domain_ratio, 3))),
        max_tokens={float(n): float(rows.tokens[rows.params == n].max()) for n in np.unique(rows.params)},
        base_losses={float(n): float(np.median(known.base_loss[known.params == n])) for n in np.unique(known.params)},
        noise_log=noise,
        interpolation_log=interpolation_error(rows),
        unchanged_log=unchanged_error(rows),
        notes=notes,
    )


def _choose(candidates: dict[str, Candidate], notes: list[str]) -> str:
    """The smaller leave-one-ratio-out error; the anchored law where there is none to compare."""
    scores = {name: candidate.held_out_log.interior() for name, candidate in candidates.items()}
    known = {name: score for name, score in scores.items() if score is not None}
    if len(known) == len(candidates):
        return min(known, key=lambda name: known[name])
    notes.append("Fewer than three ratios: no ratio can be left out, so laws are not compared by held-out error.")
    return "anchored" if "anchored" in candidates else next(iter(candidates))


def _area_per_token(trained: Table) -> float:
    """Learning-rate area over tokens at the end of a run, median over runs: what a new run of that schedule has."""
    ends = []
    for trial in np.unique(trained.trial):
        rows = trained.rows(trained.trial == trial)
        last = int(np.argmax(rows.tokens))
        ends.append(rows.lr_area[last] / rows.tokens[last])
    return float(np.median(ends))
