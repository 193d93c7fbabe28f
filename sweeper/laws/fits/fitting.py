"""From a table to the laws of every corpus."""

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.engine.objective import Problem
from sweeper.laws.engine.resample import resampled_runs, row_weights
from sweeper.laws.errors import LawError
from sweeper.laws.fits.baselines import baseline_errors
from sweeper.laws.fits.candidate import Candidate
from sweeper.laws.fits.choice import Choice, choose
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.curve import CurveFit, fit_anchored
from sweeper.laws.fits.holdout import MIN_RATIOS, Folds, distinct_ratios, folds_of
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.noise import Noise, emphasis, late_rows, replicate_noise
from sweeper.laws.fits.parametric import ParametricFit, fit_parametric
from sweeper.laws.forms.law import MIN_SIZES_FOR_POWERS, frame_of
from sweeper.laws.forms.registry import LAWS, make_law, missing_columns
from sweeper.laws.tables.points import Points, in_decay, points_of
from sweeper.laws.tables.table import Table

AUTO = (CurveFit.name, "dcpt")
"""Laws that `auto` compares, the one to prefer among equals first: see `_in_order`."""
LAW_NAMES = ("auto", CurveFit.name, *LAWS)
_MIN_ROWS = 4


def fit(
    table: Table,
    *,
    law: str = "auto",
    seed: int = 0,
    bootstrap: int = 200,
    method: str | None = None,
) -> LawSet:
    """Fits laws to every corpus of the mixture.

    Args:
        table: Measurements of one method (or name it in `method`).
        law: `auto` fits the anchored and the D-CPT law and uses what predicts left-out rows best, an average where that
            is better; a name fits and uses that law alone.
        seed: Of starts and resamples; the same seed gives the same laws.
        bootstrap: Resamples of whole runs for laws of a fixed number of parameters; 0 leaves the parameters' spread
            out of their intervals.
        method: Fit the rows of this method.

    Raises:
        LawError: several methods, too few rows, or a law that the table does not allow.
    """
    if law not in LAW_NAMES:
        raise LawError(f"law: {law!r} is not known; allowed are {', '.join(LAW_NAMES)}")
    if bootstrap < 0:
        raise LawError(f"bootstrap: {bootstrap} is below 0")
    if seed < 0:
        raise LawError(f"seed: {seed} is below 0; give a whole number from 0 on")
    trained = _one_method(table, method)
    trials, draws = resampled_runs(trained, bootstrap, np.random.default_rng([seed, 1]))
    fits, notes = {}, [*table.notes, *_table_notes(trained)]
    for name in trained.corpora:
        rows = trained.where(corpus=name)
        if not np.any(rows.share > 0):
            notes.append(f"{name} is in no mixture: a law of its own share says nothing, so none is fitted.")
            continue
        fits[name] = _fit_corpus(rows, law, row_weights(rows, trials, draws), np.random.default_rng([seed, 2]))
    if not fits:
        raise LawError("corpus: no measured corpus is part of a mixture; check domain_ratio or ratio.NAME")
    area_per_token, end_fraction = _end_of_schedule(trained)
    return LawSet(
        corpora=fits,
        target=table.target,
        remainder=table.remainder,
        ratio_range=(float(trained.domain_ratio.min()), float(trained.domain_ratio.max())),
        area_per_token=area_per_token,
        end_fraction=end_fraction,
        method=str(trained.method[0]),
        lora_r=float(np.median(ranks)) if (ranks := trained.lora_r[~np.isnan(trained.lora_r)]).size else None,
        seed=seed,
        notes=notes,
    )


def _one_method(table: Table, method: str | None) -> Table:
    """The rows of the method after some training."""
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
    return trained


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
    if sizes < MIN_SIZES_FOR_POWERS:
        notes.append(f"{sizes} model size(s): each has offsets of its own; there is no extrapolation in N.")
    return notes


def _fit_corpus(rows: Table, law: str, resamples: Floats, rng: np.random.Generator) -> CorpusFit:
    name = str(rows.corpus[0])
    if len(rows) < _MIN_ROWS:
        raise LawError(f"loss: {name} has {len(rows)} rows; at least {_MIN_ROWS} are needed to fit anything")
    points, folds = points_of(rows), folds_of(rows)
    noise, notes = replicate_noise(rows.rows(late_rows(rows))), _notes(rows, points)
    candidates: dict[str, Candidate] = {}
    errors: dict[str, Floats] = {}
    for each in (law,) if law != "auto" else AUTO:
        refused = _refused(each, points)
        if refused and law != "auto":
            raise LawError(f"{refused[0]}: {name}: {refused[1]}")
        if refused:
            notes.append(f"{each} is not fitted: {refused[1]}.")
            continue
        candidates[each], errors[each] = _candidate(each, rows, points, folds, noise, rng)
    if not candidates:
        raise LawError(f"loss: {name}: no law can be fitted: {' '.join(notes)}")
    choice = choose({each: errors[each] for each in _in_order(candidates, points)}, folds)
    candidates = {
        each: _with_samples(fitted, choice, rows, points, resamples, rng) for each, fitted in candidates.items()
    }
    if noise is None:
        notes.append("No run was repeated with another seed: what curves show of it stands in for the noise of a run.")
    known = rows.rows(~np.isnan(rows.base_loss))
    return CorpusFit(
        corpus=name,
        choice=choice,
        candidates=candidates,
        rows=len(rows),
        runs=len(np.unique(rows.trial)),
        ratios=tuple(float(r) for r in np.unique(np.round(rows.domain_ratio, 3))),
        max_tokens={float(n): float(rows.tokens[rows.params == n].max()) for n in np.unique(rows.params)},
        base_losses={float(n): float(np.median(known.base_loss[known.params == n])) for n in np.unique(known.params)},
        noise_log=noise or candidates[choice.law].noise,
        baselines_log=baseline_errors(rows),
        notes=notes,
    )


def _in_order(candidates: dict[str, Candidate], points: Points) -> list[str]:
    """The law to prefer among equals first: the fewest effective parameters.

    Where base losses are known the anchored law comes first all the same: it starts from them, and its priors keep it
    as simple as the data ask. On measured grids D-CPT's law, taken for its simplicity, erred more in 16 of 19 cases.
    It does with fewer than three shares, too: nothing can be left out there, and laws without priors say anything,
    with certainty, of shares that were not measured.
    """
    names = sorted(candidates, key=lambda name: candidates[name].effective_parameters)
    few = len(distinct_ratios(points.share)) < MIN_RATIOS
    if CurveFit.name in names and (few or not np.isnan(points.base_loss).any()):
        names.remove(CurveFit.name)
        names.insert(0, CurveFit.name)
    return names


def _notes(rows: Table, points: Points) -> list[str]:
    notes = []
    if np.isnan(rows.base_loss).any():
        notes.append(
            "Base losses are missing for some rows (no base_loss, no row at tokens = 0): the anchored law estimates "
            "them."
        )
    if not in_decay(points.annealed):
        notes.append("No row is in the decay of a schedule: what annealing gains is not known.")
    return notes


def _refused(law: str, points: Points) -> tuple[str, str] | None:
    """Why a law cannot be fitted to the points: the column and a sentence."""
    if law == CurveFit.name:
        return None
    missing = missing_columns(law, points)
    if missing:
        return missing[0], f"the law {law} needs {', '.join(missing)} in every row"
    space = make_law(law, frame_of(points, np.ones(len(points)))).space()
    free = int(np.sum(space.upper > space.lower))
    if len(points) <= free:
        return "loss", f"{len(points)} rows are too few for the {free} parameters of the law {law}"
    return None


def _candidate(
    law: str, rows: Table, points: Points, folds: Folds, noise: Noise | None, rng: np.random.Generator
) -> tuple[Candidate, Floats]:
    if law == CurveFit.name:
        return fit_anchored(points, rows, folds, rng)
    return fit_parametric(_problem(law, rows, points), rows, folds, noise, rng)


def _problem(law: str, rows: Table, points: Points) -> Problem:
    return Problem(make_law(law, frame_of(points, rows.loss)), points, np.log(rows.loss), emphasis(rows))


def _with_samples(
    fitted: Candidate, choice: Choice, rows: Table, points: Points, resamples: Floats, rng: np.random.Generator
) -> Candidate:
    """With a bootstrap where the law takes part in predictions; a posterior is drawn already."""
    if not isinstance(fitted, ParametricFit) or fitted.name not in choice.weights:
        return fitted
    return fitted.resampled(_problem(fitted.name, rows, points), rows, resamples, rng)


def _end_of_schedule(trained: Table) -> tuple[float, float]:
    """Learning-rate area over tokens and learning rate over peak at the end of a run: those of the median run.

    Of runs ordered by what is left of their rate: where one half of them cooled down, a new run does.
    """
    ends = []
    for trial in np.unique(trained.trial):
        rows = trained.rows(trained.trial == trial)
        last = int(np.argmax(rows.tokens))
        ends.append((float(rows.lr_fraction[last]), float(rows.lr_area[last] / rows.tokens[last])))
    fraction, area = sorted(ends)[(len(ends) - 1) // 2]
    return area, fraction
