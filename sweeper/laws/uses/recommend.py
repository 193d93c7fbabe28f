"""Which ratio: the lowest target loss among the ratios that hold the constraint."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Ints
from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.prediction import Prediction
from sweeper.laws.uses.trust import Evidence, distrust

_GRID = 401
_LEVEL = 0.9
_ALIKE = 0.05
"""Probabilities this near to each other do not tell ratios apart: a thousand draws and an estimated noise."""
Constraint = Mapping[str, tuple[float, float]]
"""Corpus to (base loss, largest allowed increase as a part of it)."""


@dataclass(frozen=True)
class Band:
    """A predicted loss and its 90 % interval for a single new run: arrays over the curve's ratios, nats."""

    loss: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Curve:
    """Predictions over the ratios searched, for plots."""

    domain_ratio: list[float]
    bands: dict[str, Band]
    p_constraint: list[float]


@dataclass(frozen=True)
class PredictedLoss:
    """At the recommended ratio, nats; the 90 % interval of a single new run."""

    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class Recommendation:
    """The ratio, how sure it is, and why not to trust it, if so."""

    target: str
    tokens: float
    params: float
    constraint: dict[str, tuple[float, float]]
    domain_ratio: float
    interval: tuple[float, float]
    """90 % interval of the best ratio over the draws."""
    predicted: dict[str, PredictedLoss]
    p_constraint: float
    """Probability that a single new run holds every constraint."""
    regret: float
    """Target loss, nats, expected to be given away against the ratio that one would take if one knew the truth."""
    holds: bool
    """Whether any ratio is predicted to hold the constraint."""
    binds: bool
    """Whether the constraint keeps the ratio from the one with the lowest target loss."""
    extrapolation: float
    """Tokens over the largest measured tokens."""
    trust: list[str]
    """Why not to trust this, one sentence each; empty: nothing found against it."""
    notes: list[str]
    curve: Curve

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def recommend_tradeoff(
    fits: LawSet,
    *,
    target: str,
    constraint: Constraint,
    tokens: float,
    params: float,
    low: float = 0.0,
    high: float = 1.0,
    confidence: float | None = None,
) -> Recommendation:
    """The ratio with the lowest predicted target loss among those whose predicted constrained losses stay in bounds.

    Ratios are searched within what was measured: there is no extrapolation in ratio. Where none holds the constraint
    the ratio that comes nearest is given, and said not to be trusted. Where none holds it with the confidence asked,
    ratios whose probability is within 0.05 of the largest are alike, and the one with the lowest target loss is given.

    Args:
        fits: The laws.
        target: Corpus whose loss is minimised.
        constraint: Corpus to (base loss, max increase): its loss must stay within (1 + max increase) * base loss.
        tokens: Training tokens of the run to come.
        params: Its size.
        low: Smallest ratio to consider.
        high: Largest.
        confidence: In place of the point prediction, the least probability with which a single run must hold them.

    Raises:
        LawError: a corpus without a law, or bounds without a measured ratio between them.
    """
    _check(fits, target, constraint, confidence)
    ratios = _ratios(fits, low, high)
    runs = _predict(fits, list(fits.corpora), tokens, params, ratios, noise=True)
    means = _predict(fits, [target, *constraint], tokens, params, ratios, noise=False)
    limits = {name: base * (1.0 + increase) for name, (base, increase) in constraint.items()}
    over = _over({name: runs[name].loss[None] for name in limits}, limits, ratios)[0]
    p_hold = (_over({name: runs[name].samples for name in limits}, limits, ratios) <= 0).mean(axis=0)
    allowed = np.asarray((over <= 0) if confidence is None else (p_hold >= confidence))
    away = over if confidence is None else np.maximum(p_hold.max() - p_hold - _ALIKE, 0.0)
    evidence = Evidence(
        fits=fits,
        target=target,
        constraint=constraint,
        ratios=ratios,
        best=int(_best(runs[target].loss[None], allowed[None], away[None])[0]),
        runs=runs,
        allowed=allowed,
        over=over,
        p_hold=np.asarray(p_hold),
        confidence=confidence,
        extrapolation=runs[target].extrapolation,
    )
    sample_over = _over({name: means[name].samples for name in limits}, limits, ratios)
    sample_best = _best(means[target].samples, sample_over <= 0, sample_over)
    return _answer(evidence, means[target].samples, sample_best, tokens=tokens, params=params)


def _answer(evidence: Evidence, target: Floats, sample_best: Ints, *, tokens: float, params: float) -> Recommendation:
    """Puts the answer together; `target` (draws, ratios) is the target's loss without noise, the best index a draw."""
    best, ratios, runs = evidence.best, evidence.ratios, evidence.runs
    ratio, holds = float(ratios[best]), bool(evidence.allowed.any())
    low, high = np.quantile(ratios[sample_best], [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Recommendation(
        target=evidence.target,
        tokens=float(tokens),
        params=float(params),
        constraint={name: (float(base), float(rise)) for name, (base, rise) in evidence.constraint.items()},
        domain_ratio=ratio,
        interval=(min(float(low), ratio), max(float(high), ratio)),
        predicted={name: _at(run, best) for name, run in runs.items()},
        p_constraint=float(evidence.p_hold[best]),
        regret=_regret(target, sample_best, best),
        holds=holds,
        binds=bool(holds and best != np.argmin(runs[evidence.target].loss)),
        extrapolation=evidence.extrapolation,
        trust=distrust(evidence),
        notes=_notes(evidence),
        curve=_curve(ratios, runs, evidence.p_hold),
    )


def _predict(
    fits: LawSet, names: list[str], tokens: float, params: float, ratios: Floats, *, noise: bool
) -> dict[str, Prediction]:
    return {
        name: fits.predict(name, tokens=tokens, params=params, domain_ratio=ratios, level=_LEVEL, noise=noise)
        for name in names
    }


def _check(fits: LawSet, target: str, constraint: Constraint, confidence: float | None) -> None:
    for name in (target, *constraint):
        fits.corpus(name)
    for name, (base, increase) in constraint.items():
        if not (base > 0 and increase > -1):
            raise LawError(f"constraint: {name} has base loss {base} and increase {increase}; allowed are > 0 and > -1")
    if confidence is not None and not 0 < confidence < 1:
        raise LawError(f"confidence: {confidence} is not between 0 and 1")


def _ratios(fits: LawSet, low: float, high: float) -> Floats:
    first, last = max(low, fits.ratio_range[0]), min(high, fits.ratio_range[1])
    if first > last:
        raise LawError(
            f"domain_ratio: {low:g} to {high:g} holds no measured ratio (measured: {fits.ratio_range[0]:g} to "
            f"{fits.ratio_range[1]:g}); there is no extrapolation in ratio"
        )
    return np.linspace(first, last, _GRID)


def _over(losses: dict[str, Floats], limits: dict[str, float], ratios: Floats) -> Floats:
    """(draws, ratios): how far the worst constraint is overstepped, relative; below 0 all hold."""
    if not limits:
        return np.full((1, len(ratios)), -1.0)
    return np.asarray(np.max([losses[name] / limits[name] - 1.0 for name in limits], axis=0))


def _best(target: Floats, allowed: Bools, away: Floats) -> Ints:
    """(draws,) index of the best allowed ratio; where none is, of the best of those that are the least `away`."""
    nearest = away <= away.min(axis=1, keepdims=True)
    usable = np.where(allowed.any(axis=1, keepdims=True), allowed, nearest)
    return np.asarray(np.argmin(np.where(usable, target, np.inf), axis=1))


def _regret(target: Floats, best: Ints, chosen: int) -> float:
    """Mean over draws of the target loss given away; a draw in which the choice oversteps gives nothing away."""
    loss = target[:, chosen] - target[np.arange(len(target)), np.broadcast_to(best, len(target))]
    return float(np.mean(np.maximum(loss, 0.0)))


def _at(run: Prediction, index: int) -> PredictedLoss:
    return PredictedLoss(float(run.loss[index]), float(run.low[index]), float(run.high[index]))


def _curve(ratios: Floats, runs: dict[str, Prediction], p_hold: Floats) -> Curve:
    bands = {name: Band(run.loss.tolist(), run.low.tolist(), run.high.tolist()) for name, run in runs.items()}
    return Curve(ratios.tolist(), bands, p_hold.tolist())


def _notes(evidence: Evidence) -> list[str]:
    notes = [note for name in evidence.runs for note in evidence.runs[name].notes]
    low, high = evidence.fits.ratio_range
    notes.append(f"Ratios were searched between {low:g} and {high:g}, as measured: there is no extrapolation in ratio.")
    best = float(evidence.ratios[evidence.best])
    if (best == low > 0 or best == high < 1) and evidence.allowed.any():
        notes.append(f"The best ratio, {best:g}, is at the edge of those measured: one beyond it may be better.")
    chance = float(evidence.p_hold[evidence.best])
    if evidence.constraint and evidence.confidence is None and 0.3 < chance < 0.7:
        notes.append(
            f"The ratio lies on the constraint, so one run holds it with probability {chance:.2f}; ask for a "
            "confidence to stay further inside."
        )
    return list(dict.fromkeys(notes))
