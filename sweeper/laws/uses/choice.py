"""The choice itself: the lowest target loss among the options that hold the limits, and what it may cost.

A draw of the laws is one possible world, the same for every corpus and option. The choice is made on the point
predictions; the best option of every draw says how sure it is, and the target loss given away to that best option is
the regret.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Ints
from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.prediction import Prediction
from sweeper.laws.uses.forecast import predicted
from sweeper.laws.uses.limits import Constraint, base_losses, check_constraint, limits_of, overstepped
from sweeper.laws.uses.options import LEVEL, Options, reached
from sweeper.laws.uses.recommendation import Recommendation, Use, at, curve_of, spread
from sweeper.laws.uses.trust import Evidence, distrust

_ALIKE = 0.05
"""Probabilities this near to each other do not tell options apart: a thousand draws and an estimated noise."""


@dataclass(frozen=True)
class Question:
    """What is asked of the options."""

    use: Use
    fits: LawSet
    target: str
    constraint: Constraint
    options: Options
    confidence: float | None = None
    notes: tuple[str, ...] = ()
    """Of the options that were left out."""


def choose(question: Question) -> Recommendation:
    """The best option, its uncertainty and its trust.

    Raises:
        LawError: a corpus without a law, a constraint or a confidence that is not allowed.
    """
    fits, target, options = question.fits, question.target, question.options
    _check(question)
    bases = base_losses(fits, question.constraint, options)
    limits = limits_of(question.constraint, bases)
    runs = predicted(fits, list(fits.corpora), options, noise=True)
    means = predicted(fits, list(dict.fromkeys([target, *limits])), options, noise=False)
    over = overstepped({name: runs[name].loss[None] for name in limits}, limits, len(options))[0]
    p_hold = np.mean(overstepped({n: runs[n].samples for n in limits}, limits, len(options)) <= 0, axis=0)
    allowed, away = _allowed(over, np.asarray(p_hold), question.confidence)
    best = int(best_options(runs[target].loss[None], allowed[None], away[None])[0])
    evidence = Evidence(
        fits=fits,
        target=target,
        constraint={name: (float(bases[name][best]), rise) for name, (_, rise) in question.constraint.items()},
        options=options,
        best=best,
        runs=runs,
        allowed=allowed,
        over=over,
        p_hold=np.asarray(p_hold),
        confidence=question.confidence,
        extrapolation=float(reached(fits, target, options)[best]),
    )
    drawn_over = overstepped({name: means[name].samples for name in limits}, limits, len(options))
    drawn = best_options(means[target].samples, drawn_over <= 0, drawn_over)
    return _answer(question, evidence, drawn, _regret(means[target].samples, drawn, best))


def best_options(target: Floats, allowed: Bools, away: Floats) -> Ints:
    """(draws,) index of the best allowed option; where none is, of the best of those that are the least `away`."""
    nearest = away <= away.min(axis=1, keepdims=True)
    usable = np.where(allowed.any(axis=1, keepdims=True), allowed, nearest)
    return np.asarray(np.argmin(np.where(usable, target, np.inf), axis=1))


def _check(question: Question) -> None:
    question.fits.corpus(question.target)
    check_constraint(question.fits, question.constraint)
    confidence = question.confidence
    if confidence is not None and not 0 < confidence < 1:
        raise LawError(f"confidence: {confidence} is not between 0 and 1")


def _allowed(over: Floats, p_hold: Floats, confidence: float | None) -> tuple[Bools, Floats]:
    """Which options are predicted to hold, and how far each is from that where none is."""
    if confidence is None:
        return np.asarray(over <= 0), over
    return np.asarray(p_hold >= confidence), np.maximum(p_hold.max() - p_hold - _ALIKE, 0.0)


def _regret(target: Floats, best: Ints, chosen: int) -> float:
    """Mean over draws of the target loss given away; a draw in which the choice oversteps gives nothing away."""
    loss = target[:, chosen] - target[np.arange(len(target)), np.broadcast_to(best, len(target))]
    return float(np.mean(np.maximum(loss, 0.0)))


def _answer(question: Question, evidence: Evidence, drawn: Ints, regret: float) -> Recommendation:
    best, options, runs = evidence.best, evidence.options, evidence.runs
    holds = bool(evidence.allowed.any())
    ratio, tokens, params = (float(a[best]) for a in (options.domain_ratio, options.tokens, options.params))
    free_tokens, free_params = question.use != "tradeoff", question.use == "compute"
    return Recommendation(
        target=evidence.target,
        tokens=tokens,
        params=params,
        constraint=dict(evidence.constraint),
        domain_ratio=ratio,
        interval=spread(options.domain_ratio[drawn], ratio, LEVEL),
        predicted={name: at(run, best) for name, run in runs.items()},
        p_constraint=float(evidence.p_hold[best]),
        regret=regret,
        holds=holds,
        binds=bool(holds and best != np.argmin(runs[evidence.target].loss)),
        extrapolation=evidence.extrapolation,
        trust=distrust(evidence),
        notes=_notes(question, evidence),
        curve=curve_of(options, runs, evidence.p_hold, _shown(question, evidence)),
        use=question.use,
        tokens_interval=spread(options.tokens[drawn], tokens, LEVEL) if free_tokens else None,
        params_interval=spread(options.params[drawn], params, LEVEL) if free_params else None,
        epochs=float(options.epochs[best]) if question.use == "limited-domain" else None,
    )


def _shown(question: Question, evidence: Evidence) -> Ints:
    """Options of the curve: all with the best one's epochs; where the size is chosen, the best option of each."""
    options = evidence.options
    if question.use != "compute":
        return np.flatnonzero(options.epochs == options.epochs[evidence.best])
    target, away = evidence.runs[evidence.target].loss, np.maximum(evidence.over, 0.0)
    each = [np.flatnonzero(options.params == size) for size in np.unique(options.params)]
    return np.array([at[best_options(target[None, at], evidence.allowed[None, at], away[None, at])[0]] for at in each])


def _notes(question: Question, evidence: Evidence) -> list[str]:
    notes = [note for run in _at_best(evidence).values() for note in run.notes]
    notes += question.notes
    searched = evidence.options.domain_ratio
    low, high, best = float(searched.min()), float(searched.max()), float(searched[evidence.best])
    notes.append(f"Ratios were searched between {low:g} and {high:g}: there is no extrapolation in ratio.")
    if (best == low > 0 or best == high < 1) and low < high and evidence.allowed.any():
        notes.append(f"The best ratio, {best:g}, is at the edge of those searched: one beyond it may be better.")
    chance = float(evidence.p_hold[evidence.best])
    if evidence.constraint and evidence.confidence is None and 0.3 < chance < 0.7:
        notes.append(
            f"The ratio lies on the constraint, so one run holds it with probability {chance:.2f}; ask for a "
            "confidence to stay further inside."
        )
    return list(dict.fromkeys(notes))


def _at_best(evidence: Evidence) -> dict[str, Prediction]:
    """Predictions of the chosen option alone: their notes are about it, not about options that were not taken."""
    chosen = evidence.options.keep(np.arange(len(evidence.options)) == evidence.best)
    return predicted(evidence.fits, list(evidence.runs), chosen, noise=True)
