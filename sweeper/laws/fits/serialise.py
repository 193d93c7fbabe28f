"""Laws as plain JSON."""

import json
from dataclasses import asdict
from typing import Any

from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import Candidate, Quality
from sweeper.laws.fits.choice import Choice
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.curve import CurveFit
from sweeper.laws.fits.describe import describe
from sweeper.laws.fits.holdout import HeldOut
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.noise import Noise
from sweeper.laws.fits.parametric import ParametricFit
from sweeper.laws.forms.law import Frame
from sweeper.laws.forms.registry import make_law

VERSION = 4
_BY_RATIO = ("by_ratio", "fitted", "last_third", "per_excess")
"""Errors of held-out rows that are kept ratio by ratio."""


def dump(laws: LawSet) -> str:
    """The text of a law set: what `describe` says, for readers, and beside it what predictions need."""
    return json.dumps({"version": VERSION, **describe(laws), "fitted": _fitted(laws)}, indent=1, allow_nan=False)


def load(text: str) -> LawSet:
    """The law set of a text.

    Raises:
        LawError: it is no JSON of a law set, or of another version.
    """
    try:
        data = json.loads(text)
        version = data["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise LawError("laws: this is not the JSON of fitted laws; run fit again") from error
    if version != VERSION:
        raise LawError(f"laws: the file has version {version}, this program reads {VERSION}; run fit again")
    try:
        return _load_laws(data, data["fitted"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise LawError(f"laws: something is missing or changed in this file ({error}); run fit again") from error


def _load_laws(data: dict[str, Any], fitted: dict[str, Any]) -> LawSet:
    return LawSet(
        corpora={name: _load_fit(name, fit) for name, fit in fitted["corpora"].items()},
        target=data["target"],
        remainder=fitted["remainder"],
        ratio_range=(data["ratio_range"][0], data["ratio_range"][1]),
        area_per_token=fitted["area_per_token"],
        end_fraction=fitted["end_fraction"],
        method=fitted["method"],
        lora_r=fitted["lora_r"],
        seed=data["seed"],
        notes=data["notes"],
    )


def _fitted(laws: LawSet) -> dict[str, Any]:
    return {
        "remainder": laws.remainder,
        "area_per_token": laws.area_per_token,
        "end_fraction": laws.end_fraction,
        "method": laws.method,
        "lora_r": laws.lora_r,
        "corpora": {name: _dump_fit(fit) for name, fit in laws.corpora.items()},
    }


def _dump_fit(fit: CorpusFit) -> dict[str, Any]:
    return {
        "weights": fit.choice.weights,
        "why": fit.choice.why,
        "rows": fit.rows,
        "runs": fit.runs,
        "ratios": fit.ratios,
        "max_tokens": list(fit.max_tokens.items()),
        "base_losses": list(fit.base_losses.items()),
        "noise_log": asdict(fit.noise_log),
        "baselines_log": dict(fit.baselines_log),
        "notes": fit.notes,
        "candidates": {name: _dump_candidate(candidate) for name, candidate in fit.candidates.items()},
    }


def _dump_candidate(candidate: Candidate) -> dict[str, Any]:
    errors = candidate.held_out_log
    return {
        **candidate.dump(),
        "quality": asdict(candidate.quality),
        "held_out_log": {
            **{name: list(getattr(errors, name).items()) for name in _BY_RATIO},
            "by_size": errors.by_size,
            "coverage": errors.coverage,
        },
    }


def _load_fit(name: str, data: dict[str, Any]) -> CorpusFit:
    return CorpusFit(
        corpus=name,
        choice=Choice(data["weights"], data["why"]),
        candidates={each: _load_candidate(each, value) for each, value in data["candidates"].items()},
        rows=data["rows"],
        runs=data["runs"],
        ratios=tuple(data["ratios"]),
        max_tokens=dict(data["max_tokens"]),
        base_losses=dict(data["base_losses"]),
        noise_log=Noise(**data["noise_log"]),
        baselines_log=data["baselines_log"],
        notes=data["notes"],
    )


def _load_candidate(name: str, data: dict[str, Any]) -> Candidate:
    errors, quality = data["held_out_log"], Quality(**data["quality"])
    held_out = HeldOut(
        **{each: dict(errors[each]) for each in _BY_RATIO}, by_size=errors["by_size"], coverage=errors["coverage"]
    )
    if name == CurveFit.name:
        return CurveFit.load(data, quality, held_out)
    return ParametricFit.load(make_law(name, Frame(**data["frame"])), data, quality, held_out)
