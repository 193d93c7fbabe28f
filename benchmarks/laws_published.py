"""Numbers of papers, computed again from released tables by our laws and our engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

from benchmarks.laws_rows import Row, absolute, read_table, relative
from sweeper.laws.arrays import Floats
from sweeper.laws.engine.descent import Problem, fit_groups, huber
from sweeper.laws.forms.chinchilla import Chinchilla
from sweeper.laws.forms.cmr_ratio import CmrRatio
from sweeper.laws.forms.critical_ratio import CMR_UNIT, CriticalRatio
from sweeper.laws.forms.data_constrained import DataConstrained
from sweeper.laws.forms.formula import Stated
from sweeper.laws.forms.held import Held
from sweeper.laws.forms.law import Law, frame_of
from sweeper.laws.forms.over_training import OverTraining
from sweeper.laws.tables.points import Points

STARTS = 48
C4_FIT = {"E": np.exp(0.6254804), "A": np.exp(6.255414), "B": np.exp(7.3049974), "alpha": 0.3526596, "beta": 0.3526596}
"""Fitted by Muennighoff et al. to C4 without repetition; R_D* and R_N* are fitted with these held."""
CMR_TABLE_5 = {
    "460M": (CriticalRatio(0.22524761, 0.26944345, -0.48139982), 29.8),
    "940M": (CriticalRatio(0.7520627, 0.13720245, -1.06581937), 34.9),
    "1.6B": (CriticalRatio(-2.36384831, -0.15125569, 1.59223649), 41.4),
    "3.1B": (CriticalRatio(-2.5368197, -0.42071423, 0.84375368), 47.8),
}
"""Coefficients, and the critical ratio at T = 100 in %."""
SMALL_RUNS = (
    ("d=96_l=8_h=4", 1.0), ("d=512_l=8_h=4", 1.0), ("d=576_l=24_h=8", 1.0), ("d=1024_l=24_h=8", 1.0),
    ("d=96_l=8_h=4", 16.0),
)  # fmt: skip
"""Model and Chinchilla multiple of the five runs that the over-training law is fitted to."""
LARGE_RUNS = {("open_lm_1b", 32.0): 0.7103, ("open_lm_7b", 1.0): 0.7320}
"""The runs that it predicts, and its published relative errors in %."""
USE_1 = {"base_loss": 2.8602, "max_increase": 0.03, "ratio": 0.924}
USE_2 = {"ratio": 0.732, "predicted": 0.7328, "measured": 0.7309}


def rows(tables: Path) -> list[Row]:
    """Every part of this module."""
    parts: tuple[Callable[[Path], list[Row]], ...] = (data_constrained, over_training, cmr, dcpt_uses)
    return [row for part in parts for row in part(tables)]


@dataclass(frozen=True)
class Within(DataConstrained):
    """The law with R_D* and R_N* at most 20: the published pair is the lowest minimum there, not everywhere."""

    def parameters(self) -> tuple[Stated, ...]:
        """Both R* with that bound."""
        stars = ("ln_R_D", "ln_R_N")
        return tuple(replace(p, upper=np.log(20.0)) if p.name in stars else p for p in super().parameters())


def data_constrained(tables: Path) -> list[Row]:
    """R_D* and R_N* from the 182 runs of the published fit, the other parameters held at theirs.

    Both are held below 20, where the published pair is the lowest minimum. Beyond lies a lower one, hardly lower: what
    the last row says.
    """
    table = read_table(tables / "datablations" / "c4_repeat_fit182.csv")
    points, loss = _points(table, unique="unique_tokens"), _column(table, "val_loss")
    law, anywhere = Within(frame_of(points, loss)), DataConstrained(frame_of(points, loss))
    held = law.of_published(C4_FIT)
    params, lowest = (_fitted(Held(each, held), points, loss) for each in (law, anywhere))
    r_d, r_n = (float(np.exp(params[0, law.names.index(name)])) for name in ("ln_R_D", "ln_R_N"))
    sums = [float(huber(np.log(law.predict(each, points)) - np.log(loss)).sum()) for each in (params, lowest)]
    plain = Chinchilla(law.frame)
    r2 = _r2(loss, law.predict(params, points)), _r2(loss, plain.predict(plain.of_published(C4_FIT), points))
    return [
        relative("data-constrained: R_D*", 15.387756, r_d, 1.0),
        relative("data-constrained: R_N*", 5.309743, r_n, 1.0),
        relative("data-constrained: sum of Huber's loss", 0.0158259, sums[0], 0.01),
        absolute("data-constrained: R2", 0.7722046, r2[0], 1e-4),
        absolute("data-constrained: R2 of Chinchilla with the same parameters", 0.4451684, r2[1], 1e-4),
        relative(
            f"data-constrained: sum of Huber's loss at its minimum, {_stars(anywhere, lowest)}", 0.0158259, sums[1], 1.0
        ),
    ]


def over_training(tables: Path) -> list[Row]:
    """The law fitted to five small RedPajama runs, by least squares of the loss as in the paper, predicts two large."""
    table = read_table(tables / "overtraining_openlm" / "losses.csv")
    runs = {
        (row["model"], float(row["chinchilla_multiplier"])): row
        for row in table
        if row["dataset"] == "rpj" and row["ev"] == "c4_val"
    }
    small, large = ([runs[run] for run in which] for which in (SMALL_RUNS, LARGE_RUNS))
    points, loss = _points(small), _column(small, "loss")
    law = OverTraining(frame_of(points, loss))
    predicted = law.predict(_least_squares(law, points, loss)[None], _points(large))[0]
    errors = 100.0 * np.abs(predicted / _column(large, "loss") - 1.0)
    return [
        absolute(f"over-training: relative error of {run[0]} at {run[1]:g} x Chinchilla, %", published, error, 5e-4)
        for (run, published), error in zip(LARGE_RUNS.items(), map(float, errors), strict=True)
    ]


def cmr(tables: Path) -> list[Row]:
    """Critical ratios of table 5, and the loss at a ratio of .25 predicted from the four larger ratios of table 2."""
    found = [
        absolute(f"CMR: critical ratio of {name} at T = 100, %", published, 100.0 * float(law.at(100 * CMR_UNIT)), 0.05)
        for name, (law, published) in CMR_TABLE_5.items()
    ]
    table = read_table(tables / "published_tables" / "cmr_table2_domain_loss_vs_ratio.csv")
    for model in CMR_TABLE_5:
        rows_of = [row for row in table if row["model"] == model]
        points, loss = _at_shares(_column(rows_of, "domain_ratio")), _column(rows_of, "domain_loss_measured")
        held_out = points.share < 0.3
        seen, unseen = _where(points, ~held_out), _where(points, held_out)
        law = CmrRatio(frame_of(seen, loss[~held_out]))
        ours = float(law.predict(_fitted(law, seen, loss[~held_out]), unseen)[0, 0])
        found.append(relative(f"CMR: loss of {model} at a ratio of .25", float(loss[held_out][0]), ours, 0.02))
    return found


def dcpt_uses(tables: Path) -> list[Row]:
    """Where the measured general loss meets its limit; the best measured ratio of a limited domain corpus."""
    first = read_table(tables / "published_tables" / "dcpt_table5_usage1_chemistry_1p8B.csv")
    limit = USE_1["base_loss"] * (1.0 + USE_1["max_increase"])
    crossing = float(np.interp(limit, _column(first, "general_loss"), _column(first, "domain_ratio")))
    second = read_table(tables / "published_tables" / "dcpt_usage2_music_1p8B_Dd5B.csv")
    ratios, losses = _column(second, "domain_ratio"), _column(second, "domain_loss")
    best = int(np.argmin(losses))
    return [
        absolute("D-CPT use 1: ratio where general loss meets its limit", 0.9245, crossing, 1e-3),
        absolute("D-CPT use 2: best of the measured ratios", USE_2["ratio"], float(ratios[best]), 1e-9),
        absolute("D-CPT use 2: loss there, against their prediction", USE_2["predicted"], float(losses[best]), 2e-3),
    ]


def _stars(law: Law, params: Floats) -> str:
    r_d, r_n = (np.exp(params[0, law.names.index(name)]) for name in ("ln_R_D", "ln_R_N"))
    return f"R_D* {r_d:.3g}, R_N* {r_n:.3g}"


def _fitted(law: Law, points: Points, loss: Floats) -> Floats:
    """(1, p) parameters from many starts."""
    starts = law.starts(np.random.default_rng(0), STARTS)[None]
    return fit_groups(Problem(law, points, np.log(loss)), np.ones((1, len(loss))), starts, iterations=400).params


def _least_squares(law: Law, points: Points, loss: Floats) -> Floats:
    """(p,) parameters of least squares of the loss itself."""
    space = law.space()

    def residuals(params: Floats) -> Floats:
        return law.predict(params[None], points)[0] - loss

    def slopes(params: Floats) -> Floats:
        return law.jacobian(params[None], points)[0]

    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 5000}
    tries = [
        least_squares(residuals, start, slopes, (space.lower, space.upper), x_scale="jac", **tight)
        for start in law.starts(np.random.default_rng(0), 8)
    ]
    return np.asarray(min(tries, key=lambda tried: float(tried.cost)).x, dtype=np.float64)


def _points(table: Sequence[dict[str, str]], unique: str | None = None) -> Points:
    """Runs of pre-training: their own corpus alone."""
    params, tokens = _column(table, "params"), _column(table, "tokens")
    ones = np.ones(len(table))
    points = Points(params, tokens, ones, tokens, 0.0 * ones, np.nan * ones)
    return points if unique is None else replace(points, unique_tokens=_column(table, unique))


def _at_shares(shares: Floats) -> Points:
    """One size and one number of tokens."""
    ones = np.ones(len(shares))
    return Points(ones, ones, shares, ones, 0.0 * ones, np.nan * ones)


def _where(points: Points, keep: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Points:
    return _at_shares(points.share[keep])


def _column(table: Sequence[dict[str, str]], name: str) -> Floats:
    return np.array([float(row[name]) for row in table])


def _r2(loss: Floats, predicted: Floats) -> float:
    return 1.0 - float(np.sum((loss - predicted) ** 2) / np.sum((loss - loss.mean()) ** 2))
