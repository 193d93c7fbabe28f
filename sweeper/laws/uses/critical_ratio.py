"""The critical mixture ratio: the largest domain share that the general loss still bears, as tokens grow.

Source: Gu et al., EMNLP 2024, arXiv 2407.17467. A share R is feasible where L_general <= L_general(base) + bound and
L_domain < L_domain(base); the critical ratio at T tokens is the largest feasible share.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.prediction import Prediction
from sweeper.laws.uses.forecast import predicted
from sweeper.laws.uses.options import LEVEL, Options, options_of, reached, searched_ratios
from sweeper.laws.uses.recommendation import PredictedLoss, at, spread
from sweeper.laws.uses.trust import Evidence, distrust

_GRID = 401


@dataclass(frozen=True)
class CriticalPoint:
    """The critical ratio at one number of tokens; None where no measured ratio is feasible."""

    tokens: float
    domain_ratio: float | None
    interval: tuple[float, float] | None
    """90 % interval of the critical ratio over the draws that have one."""
    p_feasible: float
    """Probability that some measured ratio is feasible: the part of the draws that have a critical ratio."""
    p_constraint: float
    """Probability that a single new run at the critical ratio keeps both conditions."""
    regret: float
    """Target loss, nats, expected to be given away against the critical ratio of the truth."""
    predicted: dict[str, PredictedLoss]
    extrapolation: float
    """Tokens over the largest measured tokens."""
    trust: list[str]
    """Why not to trust this point, one sentence each."""


@dataclass(frozen=True)
class CriticalRatio:
    """The critical ratio as a function of tokens."""

    corpus: str
    target: str
    params: float
    base_loss: float
    """Of `corpus`, nats."""
    limit: float
    """Its largest allowed loss, nats."""
    points: list[CriticalPoint]
    trust: list[str]
    """Why not to trust it, at any of the points."""
    notes: list[str]
    use: str = "critical-ratio"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class _Bounds:
    """What makes a share feasible."""

    fits: LawSet
    corpus: str
    base: float
    limit: float
    target: str
    target_base: float
    """Infinite where it is not known: then only the bound counts."""
    confidence: float | None

    def feasible(self, general: Floats, domain: Floats) -> Bools:
        return np.asarray((general <= self.limit) & (domain < self.target_base))


def critical_ratio(
    fits: LawSet,
    *,
    corpus: str,
    tokens: Sequence[float],
    params: float,
    max_increase: float | None = None,
    max_increase_nats: float | None = None,
    base_loss: float | None = None,
    low: float = 0.0,
    high: float = 1.0,
    confidence: float | None = None,
) -> CriticalRatio:
    """The largest share of the target that keeps another corpus' loss within the bound, at each number of tokens.

    Args:
        fits: The laws.
        corpus: Whose loss is bounded; the general corpus.
        tokens: Training tokens, one or more.
        params: Size.
        max_increase: Largest allowed increase as a part of the base loss.
        max_increase_nats: In its place, in nats.
        base_loss: Of `corpus`; the measured one where it is left out.
        low: Smallest ratio to consider.
        high: Largest.
        confidence: In place of the point prediction, the least probability with which a single run is feasible.

    Raises:
        LawError: a corpus without a law, no bound or two, or no tokens.
    """
    bounds, notes = _bounds(fits, corpus, params, base_loss, _increase(max_increase, max_increase_nats), confidence)
    if len(tokens) == 0:
        raise LawError("tokens: none is given; give one number of tokens or more")
    ratios = searched_ratios(fits, low, high, _GRID)
    found = [_point(bounds, options_of(ratios, float(count), params)) for count in tokens]
    points = [point for point, _ in found]
    notes += [note for _, others in found for note in others]
    if any(point.domain_ratio == ratios[-1] < 1 for point in points):
        notes.append(f"The largest ratio considered, {ratios[-1]:g}, is feasible: the critical ratio may be beyond it.")
    return CriticalRatio(
        corpus=corpus,
        target=bounds.target,
        params=float(params),
        base_loss=bounds.base,
        limit=bounds.limit,
        points=points,
        trust=list(dict.fromkeys(word for point in points for word in point.trust)),
        notes=list(dict.fromkeys(notes)),
    )


def _increase(part: float | None, nats: float | None) -> tuple[float, float]:
    """(part of the base loss, nats): one of them is 0."""
    if (part is None) == (nats is None):
        raise LawError("max_increase: give either max_increase (a part of the base loss) or max_increase_nats")
    return part or 0.0, nats or 0.0


def _bounds(
    fits: LawSet, corpus: str, params: float, base: float | None, rise: tuple[float, float], confidence: float | None
) -> tuple[_Bounds, list[str]]:
    fits.corpus(corpus)
    target = fits.target
    if corpus == target:
        raise LawError(f"corpus: {corpus!r} is the target itself; name the corpus whose loss is bounded")
    if confidence is not None and not 0 < confidence < 1:
        raise LawError(f"confidence: {confidence} is not between 0 and 1")
    base = fits.base_loss(corpus, params) if base is None else float(base)
    limit = base * (1.0 + rise[0]) + rise[1]
    if not (base > 0 and limit > 0):
        raise LawError(f"base_loss: a base loss of {base:g} and a limit of {limit:g} are not both above 0")
    notes, target_base = [], np.inf
    if fits.corpus(target).base_losses:
        target_base = fits.base_loss(target, params)
    else:
        notes.append(f"{target} has no base loss: that it falls is not checked.")
    return _Bounds(fits, corpus, base, limit, target, target_base, confidence), notes


def _point(bounds: _Bounds, options: Options) -> tuple[CriticalPoint, list[str]]:
    names = [bounds.corpus, bounds.target]
    runs = predicted(bounds.fits, names, options, noise=True)
    means = predicted(bounds.fits, names, options, noise=False)
    drawn = bounds.feasible(*(means[name].samples for name in names))
    p_hold = np.asarray(bounds.feasible(*(runs[name].samples for name in names)).mean(axis=0))
    holds = bounds.feasible(*(runs[name].loss for name in names))
    allowed = holds if bounds.confidence is None else np.asarray(p_hold >= bounds.confidence)
    evidence = _evidence(bounds, options, runs, allowed, p_hold)
    notes = [note for run in runs.values() for note in run.notes]
    return _answer(evidence, drawn, means[bounds.target].samples), notes


def _evidence(
    bounds: _Bounds, options: Options, runs: dict[str, Prediction], allowed: Bools, p_hold: Floats
) -> Evidence:
    """The largest allowed ratio; where none is, the one that oversteps the bound the least."""
    over = runs[bounds.corpus].loss / bounds.limit - 1.0
    best = int(np.flatnonzero(allowed)[-1]) if allowed.any() else int(np.argmin(over))
    return Evidence(
        fits=bounds.fits,
        target=bounds.target,
        constraint={bounds.corpus: (bounds.base, bounds.limit / bounds.base - 1.0)},
        options=options,
        best=best,
        runs=runs,
        allowed=allowed,
        over=np.asarray(over),
        p_hold=p_hold,
        confidence=bounds.confidence,
        extrapolation=float(reached(bounds.fits, bounds.target, options)[best]),
    )


def _answer(evidence: Evidence, drawn: Bools, target: Floats) -> CriticalPoint:
    """`drawn` and `target` (draws, ratios): what is feasible, and the target's loss, without noise."""
    best, ratios, found = evidence.best, evidence.options.domain_ratio, bool(evidence.allowed.any())
    ratio, exists = float(ratios[best]), drawn.any(axis=1)
    last = drawn.shape[1] - 1 - np.argmax(drawn[exists, ::-1], axis=1)
    given_away = target[exists, best] - target[np.flatnonzero(exists), last]
    return CriticalPoint(
        tokens=float(evidence.options.tokens[best]),
        domain_ratio=ratio if found else None,
        interval=spread(ratios[last], ratio, LEVEL) if found and exists.any() else None,
        p_feasible=float(exists.mean()),
        p_constraint=float(evidence.p_hold[best]),
        regret=float(np.mean(np.maximum(given_away, 0.0))) if exists.any() else 0.0,
        predicted={name: at(run, best) for name, run in evidence.runs.items()},
        extrapolation=evidence.extrapolation,
        trust=distrust(evidence),
    )
