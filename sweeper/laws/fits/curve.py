"""The anchored law fitted to one corpus: a posterior of whole curves."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.engine.curve_fit import FOLD, CurvePosterior, fit_curve, weights_at
from sweeper.laws.engine.evidence import CurvePoints, Design, Evidence
from sweeper.laws.engine.wander import Variants
from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import DRAWS, Parameter, Quality, parameters_of, quality_of
from sweeper.laws.fits.holdout import Z90, Folds, HeldOut, held_out_of
from sweeper.laws.fits.noise import Noise
from sweeper.laws.forms.anchored import Anchored
from sweeper.laws.forms.law import MIN_SIZES_FOR_POWERS
from sweeper.laws.forms.repetition import effective_tokens
from sweeper.laws.tables.points import Points, in_decay
from sweeper.laws.tables.table import Table

_LOG_4 = np.log(4.0)
_NOISE_DOF = 10
_UNDETERMINED = 0.7
"""Spread after the data over the spread before from which that is said."""
_TRUST_OF_ONE = 4.0
"""Held-out folds that the posterior's own spread counts for when it is calibrated."""
_CALIBRATION = (0.8, 2.5)
_BEYOND = 0.25
"""How much further curves spread at twice the measured tokens than the posterior says: on 38 curves of eight measured
grids its 90 % intervals covered 86 % there. The last third of a curve's own tokens did not tell which need it."""
_LARGEST_CHANGE = 2.0
"""Of log loss: far from everything measured amplitudes are open, but no loss grows to seven times the base."""
_R_STAR = 15.387756
"""Of repeated text (arXiv 2305.16264): fixed, since a table of short runs says nothing of it."""


@dataclass(frozen=True)
class CurveFit:
    """See `Candidate`."""

    posterior: CurvePosterior
    unit: float
    """Largest measured learning-rate area, tokens."""
    origin: Floats
    """(3,) kind of the first row: ln N / ln 4, adapter, ln rank / ln 4."""
    quality: Quality
    held_out_log: HeldOut
    calibration: float
    """How many times further than the posterior says left-out rows lay, moderated."""

    name = Anchored.name
    formula = Anchored.formula
    source = Anchored.source

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Shape, amplitudes (of the mean kind of run) and standard deviations, from the posterior's draws."""
        evidence, form = self.posterior.evidence, self.posterior.evidence.design.form
        values = evidence.means + evidence.spreads * self.posterior.best
        samples = evidence.means + evidence.spreads * self.posterior.standard
        names = [shape.name for shape in form.shapes] + ["ln_deviation_sd", "ln_run_sd", "ln_noise_sd"]
        result = parameters_of(tuple(names), values, samples)
        kinds = evidence.design.kinds.shape[1]
        for i, amplitude in enumerate(form.amplitudes):
            means = np.array([each.mean[i * kinds] for each in self.posterior.weights])
            spreads = [float(np.linalg.norm(each.root[i * kinds])) for each in self.posterior.weights]
            center = float(means.mean())
            sd = float(np.sqrt(np.mean(np.square(spreads)) + means.var()))
            result[amplitude.name] = Parameter(center, sd, center - Z90 * sd, center + Z90 * sd)
        return result

    @cached_property
    def effective_parameters(self) -> float:
        """Prior variance that the data took away, summed over shape, amplitudes and deviations in parts of it."""
        evidence = self.posterior.evidence
        shapes = np.maximum(1.0 - np.var(self.posterior.standard, axis=0), 0.0).sum()
        variance = evidence.prior[1]
        taken = []
        for each in self.posterior.weights:
            left = np.sum(each.root**2, axis=1)
            prior = np.concatenate([variance, np.ones(len(left) - len(variance))])
            taken.append(float(np.sum(1.0 - left / prior)))
        return float(shapes + np.mean(taken))

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Shape parameters of which the data say little beyond the prior."""
        evidence = self.posterior.evidence
        left = np.std(self.posterior.standard, axis=0)
        return tuple(
            f"{shape.name.removeprefix('ln_')} is hardly determined: the data leave {part:.0%} of what was open before."
            for shape, part in zip(evidence.design.form.shapes, left, strict=False)
            if part > _UNDETERMINED
        )

    def log_loss(self, points: Points) -> Floats:
        """(n,)"""
        return np.asarray(self._level(points) + self.posterior.mean(self._at(points)))

    def log_draws(self, points: Points, ratios: Floats, excess: Floats, rng: np.random.Generator) -> Floats:
        """Curves of the posterior, spread by the calibration, and further beyond the measured tokens."""
        at = self._at(points)
        normal = rng.standard_normal((DRAWS, len(self.posterior.weights[0].mean)))
        center = self.posterior.mean(at)
        draws = self.posterior.draws(at, normal)
        spread = self.calibration * (1.0 + _BEYOND * np.clip(excess, 0.0, 1.0))
        middle = self.posterior.evidence.offset_mean
        change = np.clip(center + spread * (draws - center), middle - _LARGEST_CHANGE, middle + _LARGEST_CHANGE)
        return np.asarray(self._level(points) + change)

    @property
    def noise(self) -> Noise:
        """Of a single run at the end of training, as far as curves show it."""
        scales = np.mean([each.scales[1:] ** 2 for each in self.posterior.weights], axis=0)
        return Noise(float(np.sqrt(scales.sum())), _NOISE_DOF, False)

    def dump(self) -> dict[str, Any]:
        """Plain JSON types: the rows and the shapes; amplitudes follow from them."""
        evidence = self.posterior.evidence
        points = evidence.design.points
        return {
            "unit": self.unit,
            "origin": self.origin.tolist(),
            "calibration": self.calibration,
            "base_known": points.base_known,
            "known_kinds": evidence.design.variants.known.tolist(),
            "offset_mean": evidence.offset_mean,
            "rows": {
                "area": points.area.tolist(), "share": points.share.tolist(), "annealed": points.annealed.tolist(),
                "kind": points.kind.tolist(), "y": evidence.y.tolist(), "run": evidence.run.tolist(),
                "doubt": evidence.doubt.tolist(),
            },
            "best": self.posterior.best.tolist(),
            "standard": self.posterior.standard.tolist(),
        }  # fmt: skip

    @classmethod
    def load(cls, data: dict[str, Any], quality: Quality, held_out: HeldOut) -> Self:
        """The fit that `dump` wrote."""
        rows = {name: np.array(values) for name, values in data["rows"].items()}
        kind = rows["kind"].reshape(-1, 3)
        points = CurvePoints(rows["area"], rows["share"], rows["annealed"], kind, data["base_known"])
        form = Anchored(decayed=in_decay(points.annealed))
        design = Design(form, points, Variants(np.array(data["known_kinds"])))
        evidence = Evidence(design, rows["y"], rows["run"], rows["doubt"], data["offset_mean"])
        standard = np.array(data["standard"])
        weights = tuple(weights_at(evidence, each) for each in standard)
        posterior = CurvePosterior(evidence, np.array(data["best"]), standard, weights)
        return cls(posterior, data["unit"], np.array(data["origin"]), quality, held_out, data["calibration"])

    def _at(self, points: Points) -> CurvePoints:
        known = self.posterior.evidence.design.points.base_known
        return _curve_points(points, self.unit, self.origin, base_known=known)

    def _level(self, points: Points) -> Floats:
        """(n,) what the curve's change is added to."""
        if self.posterior.evidence.design.points.base_known:
            return np.log(points.base_loss)
        self._refuse_unknown_sizes(points)
        return np.zeros(len(points))

    def _refuse_unknown_sizes(self, points: Points) -> None:
        """Base losses that the curve estimated follow a power of N, for which two sizes are too few."""
        known = np.unique(self.posterior.evidence.design.variants.known[:, 0] + self.origin[0])
        away = np.min(np.abs(_kinds(points)[:, :1] - known), axis=1)
        if len(known) < MIN_SIZES_FOR_POWERS and np.any(away > 1e-6):
            measured = ", ".join(f"{size:.6g}" for size in np.exp(known * _LOG_4))
            raise LawError(
                f"params: {points.params[np.argmax(away)]:g} was not measured (measured: {measured}), and neither were "
                f"base losses; with fewer than {MIN_SIZES_FOR_POWERS} sizes there is no law of size"
            )


def fit_anchored(points: Points, table: Table, folds: Folds, rng: np.random.Generator) -> tuple[CurveFit, Floats]:
    """Fits the anchored law to all rows and to the rows of every fold.

    Args:
        points: The table's points.
        table: Rows of one corpus.
        folds: Rows to leave out.
        rng: Draws starts and shapes.

    Returns:
        The fit, and (folds, n) what each fold's fit errs in log loss.
    """
    unit, origin = float(points.lr_area.max()), _kinds(points)[0]
    base_known = not bool(np.isnan(points.base_loss).any())
    at = _curve_points(points, unit, origin, base_known=base_known)
    level = np.log(points.base_loss) if base_known else np.zeros(len(table))
    y = np.log(table.loss) - level
    variants = Variants(np.unique(at.kind, axis=0))
    run = np.unique(table.trial, return_inverse=True)[1]
    mean = 0.0 if base_known else float(np.log(table.loss).max())
    design = Design(Anchored(decayed=in_decay(at.annealed)), at, variants)
    evidence = Evidence(design, y, run.astype(np.int64), np.ones(len(table)), mean)
    posterior = fit_curve(evidence, rng)
    residuals, spreads = _held_out(evidence, posterior, folds, rng)
    change = posterior.mean(at)
    fit = CurveFit(
        posterior=posterior,
        unit=unit,
        origin=origin,
        quality=quality_of(level + change, table),
        held_out_log=held_out_of(table, folds, residuals, change - y, spreads),
        calibration=_calibration(folds, residuals, spreads),
    )
    return fit, residuals


def _held_out(
    evidence: Evidence, posterior: CurvePosterior, folds: Folds, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """(folds, n) errors of log loss and the standard deviations given for them, of a single run."""
    points = evidence.design.points
    residuals, spreads = np.empty((len(folds), len(points))), np.empty((len(folds), len(points)))
    for i, out in enumerate(folds.left_out):
        fold = fit_curve(evidence.rows(~out), rng, FOLD, warm=posterior.best)
        mean = fold.mean(points)
        draws = fold.draws(points, rng.standard_normal((200, len(fold.weights[0].mean))))
        residuals[i] = mean - evidence.y
        spreads[i] = np.sqrt(draws.var(axis=0) + fold.noise(points) ** 2)
    return residuals, spreads


def _calibration(folds: Folds, residuals: Floats, spreads: Floats) -> float:
    """Root mean square of standardised errors, one a fold, with the posterior's own word counting for some folds."""
    squares = [
        float(np.mean((errors[rows] / spread[rows]) ** 2))
        for rows, errors, spread in zip(folds.judged, residuals, spreads, strict=True)
        if rows.any()
    ]
    mean = (_TRUST_OF_ONE + sum(squares)) / (_TRUST_OF_ONE + len(squares))
    return float(np.clip(np.sqrt(mean), *_CALIBRATION))


def _kinds(points: Points) -> Floats:
    """(n, 3) coordinates of `Variants`."""
    adapter = np.isin(points.method, ("lora", "qlora")).astype(np.float64)
    rank = np.where(np.isnan(points.lora_r), 1.0, points.lora_r)
    return np.stack([np.log(points.params) / _LOG_4, adapter, adapter * np.log(rank) / _LOG_4], axis=1)


def _curve_points(points: Points, unit: float, origin: Floats, *, base_known: bool) -> CurvePoints:
    area = points.lr_area * _worth(points) / unit
    return CurvePoints(area, points.share, points.annealed, _kinds(points) - origin, base_known)


def _worth(points: Points) -> Floats:
    """(n,) effective tokens over tokens: 1 where no text is repeated."""
    effective = effective_tokens(points.tokens, points.unique_tokens, np.array([[_R_STAR]])).tokens[0]
    return np.asarray(effective / np.maximum(points.tokens, 1e-300))
