"""When a recommendation should not be trusted, in words.

Each rule looks at the evidence and gives a sentence or nothing. The thresholds are named here and explained in
docs/laws.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.fits.describe import BASELINE_WORDS
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.prediction import MAX_EXTRAPOLATION, Prediction
from sweeper.laws.uses.options import Options

MIN_RATIOS = 3
MIN_ROWS = 12
LOW_PROBABILITY = 0.4
"""On the constraint itself a run holds it about every other time; clearly below that the law contradicts itself."""
ERROR_OF_LIMIT = 0.5
"""Held-out error over the allowed increase from which a constraint cannot be judged."""
ERROR_OF_SPREAD = 0.25
"""Held-out error over the range of the target's loss across ratios from which ratios cannot be told apart."""


@dataclass(frozen=True)
class Evidence:
    """What the rules look at; arrays are over the options searched."""

    fits: LawSet
    target: str
    constraint: Mapping[str, tuple[float, float]]
    options: Options
    best: int
    runs: dict[str, Prediction]
    allowed: Bools
    over: Floats
    p_hold: Floats
    confidence: float | None
    extrapolation: float

    @property
    def corpora(self) -> list[str]:
        """The corpora that the answer rests on."""
        return list(dict.fromkeys([self.target, *self.constraint]))


def distrust(evidence: Evidence) -> list[str]:
    """Every reason found, one sentence each."""
    return [
        *_too_few(evidence),
        *_poor_held_out(evidence),
        *_no_better_than_trivial(evidence),
        *_extrapolates(evidence),
        *_constraint_words(evidence),
    ]


def _too_few(evidence: Evidence) -> list[str]:
    words = []
    for name in evidence.corpora:
        fit = evidence.fits.corpora[name]
        if len(fit.ratios) < MIN_RATIOS:
            words.append(f"Too few points: {name} was measured at {len(fit.ratios)} ratios, a law needs {MIN_RATIOS}.")
        if fit.rows < MIN_ROWS:
            words.append(f"Too few points: {name} has {fit.rows} measurements, a law needs {MIN_ROWS}.")
    return words


def _poor_held_out(evidence: Evidence) -> list[str]:
    words, ratio = [], float(evidence.options.domain_ratio[evidence.best])
    for name, (_, increase) in evidence.constraint.items():
        error = evidence.fits.corpora[name].held_out_at(ratio)
        if error is not None and error > ERROR_OF_LIMIT * abs(increase):
            words.append(
                f"Poor held-out error: near this ratio, on ratios left out, {name} is {error:.1%} off, and the "
                f"constraint is {increase:.1%}."
            )
    fit, run = evidence.fits.corpora[evidence.target], evidence.runs[evidence.target]
    error = fit.held_out_at(ratio)
    losses = run.loss[_alike(evidence.options, evidence.best)]
    spread = float(np.log(losses.max() / losses.min()))
    if error is not None and error > ERROR_OF_SPREAD * spread:
        words.append(
            f"Poor held-out error: near this ratio, on ratios left out, {evidence.target} is {error:.1%} off, and from "
            f"the best ratio to the worst its loss changes by {spread:.1%}."
        )
    return words


def _alike(options: Options, best: int) -> Bools:
    """Options of the best one's size, whose ratios are to be told apart; all where it has one ratio."""
    same = options.params == options.params[best]
    return np.asarray(same if same.sum() > 1 else np.ones_like(same))


def _no_better_than_trivial(evidence: Evidence) -> list[str]:
    words = []
    for name in evidence.corpora:
        fit = evidence.fits.corpora[name]
        error = fit.chosen.held_out_log.interior()
        for baseline, miss in fit.better_baselines().items():
            words.append(
                f"Poor held-out error: on ratios left out the law of {name} is {error:.1%} off, "
                f"{BASELINE_WORDS[baseline]} {miss:.1%}."
            )
    return words


def _extrapolates(evidence: Evidence) -> list[str]:
    if evidence.extrapolation <= MAX_EXTRAPOLATION * (1 + 1e-9):
        return []
    return [
        f"Extrapolation: {evidence.extrapolation:.3g} times the measured tokens, beyond {MAX_EXTRAPOLATION:g} the laws "
        "are not to be trusted."
    ]


def _constraint_words(evidence: Evidence) -> list[str]:
    if not evidence.constraint:
        return []
    nearest, chance = float(evidence.over.min()), float(evidence.p_hold[evidence.best])
    if not np.any(evidence.over <= 0):
        return [
            f"No ratio holds the constraint: the nearest is predicted to overstep the limit by {nearest:.1%} of it; "
            "train on fewer tokens, lower the learning rate or allow more."
        ]
    if not evidence.allowed.any():
        return [
            f"No ratio holds the constraint with probability {evidence.confidence}: this one does with {chance:.2f}, "
            "and none is clearly surer; allow more or ask for less."
        ]
    words = []
    if np.all(evidence.over <= 0):
        words.append(
            "The constraint never binds within the measured ratios: at worst the loss stays "
            f"{-float(evidence.over.max()):.1%} below the limit, so the limit decides nothing."
        )
    if chance < LOW_PROBABILITY:
        words.append(f"The constraint is predicted to hold with a probability of {chance:.2f} only.")
    return words
