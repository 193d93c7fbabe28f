"""Laws as plain JSON, bootstrap samples included."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from sweeper.laws.errors import LawError
from sweeper.laws.fits.candidate import Candidate
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.holdout import HeldOut
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.noise import Noise
from sweeper.laws.forms.anchored import Anchored
from sweeper.laws.forms.dcpt import DCpt
from sweeper.laws.forms.law import Frame, Law

VERSION = 3
_BY_RATIO = ("by_ratio", "fitted", "last_third", "per_excess")
"""Errors of held-out rows that are kept ratio by ratio."""


def dump(laws: LawSet) -> str:
    """The text of a law set. Derived numbers (parameters, held_out) stand beside what they come from, for readers."""
    data = {
        "version": VERSION,
        "target": laws.target,
        "remainder": laws.remainder,
        "ratio_range": laws.ratio_range,
        "area_per_token": laws.area_per_token,
        "seed": laws.seed,
        "notes": laws.notes,
        "corpora": {name: _dump_fit(fit) for name, fit in laws.corpora.items()},
    }
    return json.dumps(data, indent=1, allow_nan=False)


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
    return LawSet(
        corpora={name: _load_fit(name, fit) for name, fit in data["corpora"].items()},
        target=data["target"],
        remainder=data["remainder"],
        ratio_range=(data["ratio_range"][0], data["ratio_range"][1]),
        area_per_token=data["area_per_token"],
        seed=data["seed"],
        notes=data["notes"],
    )


def _dump_fit(fit: CorpusFit) -> dict[str, Any]:
    return {
        "law": fit.law,
        "rows": fit.rows,
        "runs": fit.runs,
        "ratios": fit.ratios,
        "max_tokens": list(fit.max_tokens.items()),
        "base_losses": list(fit.base_losses.items()),
        "noise": fit.noise,
        "noise_log": asdict(fit.noise_log),
        "held_out": fit.held_out,
        "interpolation_log": fit.interpolation_log,
        "unchanged_log": fit.unchanged_log,
        "notes": fit.notes,
        "candidates": {name: _dump_candidate(candidate) for name, candidate in fit.candidates.items()},
    }


def _dump_candidate(candidate: Candidate) -> dict[str, Any]:
    errors = candidate.held_out_log
    return {
        "formula": candidate.law.formula,
        "source": candidate.law.source,
        "parameters": {
            name: {k: v if np.isfinite(v) else None for k, v in asdict(parameter).items()}
            for name, parameter in candidate.parameters.items()
        },
        "held_out": candidate.held_out,
        "frame": asdict(candidate.law.frame),
        "params": candidate.params.tolist(),
        "samples": candidate.samples.tolist(),
        "huber": candidate.huber,
        "r2": candidate.r2,
        "rmse": candidate.rmse,
        "mae": candidate.mae,
        "scale": candidate.scale,
        "held_out_log": {
            **{name: list(getattr(errors, name).items()) for name in _BY_RATIO},
            "by_size": errors.by_size,
        },
    }


def _load_fit(name: str, data: dict[str, Any]) -> CorpusFit:
    return CorpusFit(
        corpus=name,
        law=data["law"],
        candidates={each: _load_candidate(each, value) for each, value in data["candidates"].items()},
        rows=data["rows"],
        runs=data["runs"],
        ratios=tuple(data["ratios"]),
        max_tokens=dict(data["max_tokens"]),
        base_losses=dict(data["base_losses"]),
        noise_log=Noise(**data["noise_log"]),
        interpolation_log=data["interpolation_log"],
        unchanged_log=data["unchanged_log"],
        notes=data["notes"],
    )


def _load_candidate(name: str, data: dict[str, Any]) -> Candidate:
    frame = Frame(**{**data["frame"], "sizes": tuple(data["frame"]["sizes"])})
    law: Law = Anchored(frame) if name == "anchored" else DCpt(frame)
    errors = data["held_out_log"]
    return Candidate(
        law=law,
        params=np.array(data["params"], dtype=np.float64),
        samples=np.array(data["samples"], dtype=np.float64).reshape(-1, len(law.names)),
        huber=data["huber"],
        r2=data["r2"],
        rmse=data["rmse"],
        mae=data["mae"],
        held_out_log=HeldOut(**{name: dict(errors[name]) for name in _BY_RATIO}, by_size=errors["by_size"]),
        scale=data["scale"],
    )
