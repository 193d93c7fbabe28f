"""What a law set says of itself, for readers: `fit --json`, the head of laws.json, reports."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from sweeper.laws.fits.candidate import Candidate, held_out_nats
from sweeper.laws.fits.corpus_fit import CorpusFit
from sweeper.laws.fits.lawset import LawSet


def describe(laws: LawSet) -> dict[str, Any]:
    """Plain JSON types: per corpus the law, its parameters and errors, and what to be warned of."""
    return {
        "target": laws.target,
        "ratio_range": list(laws.ratio_range),
        "seed": laws.seed,
        "notes": laws.notes,
        "corpora": {name: describe_corpus(fit) for name, fit in laws.corpora.items()},
    }


def describe_corpus(fit: CorpusFit) -> dict[str, Any]:
    """One corpus: the chosen law's own description at the top, every candidate's below. Losses are nats."""
    candidates = {name: describe_candidate(candidate) for name, candidate in fit.candidates.items()}
    return {
        "law": fit.law,
        "why": fit.choice.why,
        "weights": fit.choice.weights,
        "n": fit.rows,
        "runs": fit.runs,
        "ratios": list(fit.ratios),
        "max_tokens": {f"{size:g}": tokens for size, tokens in fit.max_tokens.items()},
        "base_loss": {f"{size:g}": loss for size, loss in fit.base_losses.items()},
        **candidates[fit.law],
        "baselines": _scaled(fit.baselines_log, fit.chosen.quality.scale),
        "noise": fit.noise,
        "noise_from_replicates": fit.noise_log.replicated,
        "warnings": warnings_of(fit),
        "candidates": candidates,
    }


def describe_candidate(candidate: Candidate) -> dict[str, Any]:
    """Formula, parameters with standard errors and 90 % intervals, fit and held-out errors in nats."""
    return {
        "formula": candidate.formula,
        "source": candidate.source,
        "parameters": {
            name: {key: value if np.isfinite(value) else None for key, value in asdict(parameter).items()}
            for name, parameter in candidate.parameters.items()
        },
        **{name: getattr(candidate.quality, name) for name in ("huber", "r2", "rmse", "mae")},
        "held_out": held_out_nats(candidate),
        "held_out_coverage": candidate.held_out_log.coverage,
        "unidentified": list(candidate.unidentified),
    }


def warnings_of(fit: CorpusFit) -> list[str]:
    """Notes of the fit, and baselines that do better."""
    scale = fit.chosen.quality.scale
    error = fit.chosen.held_out_log.interior()
    better = [
        f"The law is no better than a baseline: on ratios left out {BASELINE_WORDS[name]} was off by "
        f"{miss * scale:.4f} nats, the law by {error * scale:.4f}."
        for name, miss in fit.better_baselines().items()
        if error is not None
    ]
    return [*fit.notes, *better]


BASELINE_WORDS: Mapping[str, str] = {
    "interpolation": "joining the neighbouring ratios by a line",
    "nearest_run": "taking the nearest measured ratio",
    "own_share_line": "a straight line in the corpus' own share",
    "unchanged": "expecting no change from the base model",
}


def _scaled(logs: Mapping[str, float | None], scale: float) -> dict[str, float | None]:
    return {name: None if value is None else value * scale for name, value in logs.items()}
