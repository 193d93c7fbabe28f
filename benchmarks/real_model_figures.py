"""What the comparison on a real model says, as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.real_model_arms import Series, Setting
from sweeper.measurements import PairedDifference, paired_difference_over_seeds
from sweeper.measurements.statistics import perplexity
from sweeper.trials.record import TrialRecord
from trainers.messages import CorpusLoss, DocumentLoss, Measurement

Split = Literal["valid", "test"]
SPLITS: tuple[Split, ...] = ("valid", "test")
PAIRS = {
    "the claim: full against qlora": ("full", "qlora"),
    "low rank, on packaged weights": ("lora", "full"),
    "low rank, on nf4 weights": ("lora on nf4", "full on nf4"),
    "nf4, after full training": ("full on nf4", "full"),
    "nf4, after low-rank training": ("lora on nf4", "lora"),
    "qlora against lora on its dequantised weights": ("qlora", "lora on nf4"),
}
"""What each pair of arms shows; the difference is that of the first minus the second."""
START_PAIRS = {
    "nf4, before training": ("full on nf4", "full"),
    "bitsandbytes' layers against their dequantised copy": ("qlora", "full on nf4"),
}
HEALING = "nf4 x low rank: what of nf4's cost full training heals and low rank does not"


@dataclass(frozen=True)
class Results:
    """Every measurement of the comparison."""

    starts: Mapping[str, Measurement]
    """By arm, before training."""
    curves: Mapping[str, Sequence[Sequence[Measurement]]]
    """By arm, then seed, by rising tokens."""
    domain: str
    general: str

    @property
    def corpora(self) -> tuple[str, str]:
        """Domain first."""
        return self.domain, self.general

    def start(self, arm: str) -> Measurement | None:
        """The model that an arm starts from; the low-rank arms start from the same weights as the full ones."""
        return self.starts.get(arm) or self.starts.get("full on nf4" if arm.endswith("nf4") else "full")

    def paired(self, a: str, b: str) -> list[tuple[Measurement, Measurement]]:
        """The ends of two arms, one pair a seed that both have."""
        return [(x[-1], y[-1]) for x, y in zip(self.curves.get(a, ()), self.curves.get(b, ()), strict=False)]


def figures(
    results: Results, searched: Sequence[TrialRecord], settings: Mapping[Any, Setting], series: Series
) -> dict[str, Any]:
    """Everything that a reader may want to check, as plain JSON."""
    return {
        "model": series.factory.target_model,
        "settings": {method: asdict(setting) for method, setting in settings.items()},
        "budget": asdict(series.budget),
        "seeds": {arm: len(curves) for arm, curves in results.curves.items()},
        "search": [_searched(record, results.corpora) for record in searched],
        "start": {arm: _losses(measurement) for arm, measurement in results.starts.items()},
        "curves": {arm: [_curve(curve) for curve in curves] for arm, curves in results.curves.items()},
        "comparisons": comparisons(results),
    }


def comparisons(results: Results) -> dict[str, dict[str, dict[str, float]]]:
    """Paired differences in nats a token with their standard errors, by what they show, then corpus and split.

    A pair of which one side has not been measured is left out.
    """
    pairs = {name: results.paired(a, b) for name, (a, b) in PAIRS.items()} | {HEALING: _interaction(results)}
    known = [(name, a, b) for name, (a, b) in START_PAIRS.items() if {a, b} <= results.starts.keys()]
    pairs |= {name: [(results.starts[a], results.starts[b])] for name, a, b in known}
    return {name: _differences(found, results) for name, found in pairs.items() if found}


def _interaction(results: Results) -> list[tuple[Measurement, Measurement]]:
    """(low rank on NF4 + full) against (low rank + full on NF4): NF4's cost under low rank minus that under full."""
    low, full = results.paired("lora on nf4", "lora"), results.paired("full on nf4", "full")
    return [(added(x, b), added(y, a)) for (x, y), (a, b) in zip(low, full, strict=False)]


def added(a: Measurement, b: Measurement) -> Measurement:
    """Two measurements of the same documents with their nats added up, so that differences of differences are pairs.

    Tokens stay as they are: the sum of nats over the tokens is then the sum of the two losses.
    """
    return a.model_copy(update={"losses": tuple(_added(x, b) for x in a.losses)})


def _added(x: CorpusLoss, other: Measurement) -> CorpusLoss:
    y = next(loss for loss in other.losses if (loss.corpus, loss.split) == (x.corpus, x.split))
    nll = {d.document: d.nll for d in y.documents}
    documents = tuple(
        DocumentLoss(document=d.document, nll=d.nll + nll[d.document], tokens=d.tokens) for d in x.documents
    )
    return x.model_copy(update={"nll": x.nll + y.nll, "documents": documents})


def _differences(pairs: Sequence[tuple[Measurement, Measurement]], results: Results) -> dict[str, dict[str, float]]:
    keys = [(corpus, split) for corpus in results.corpora for split in SPLITS]
    return {f"{c} {s}": _rounded(paired_difference_over_seeds(pairs, c, s), len(pairs)) for c, s in keys}


def _rounded(found: PairedDifference, seeds: int) -> dict[str, float]:
    return {"difference": round(found.difference, 5), "stderr": round(found.stderr, 5), "seeds": seeds}


def _curve(curve: Sequence[Measurement]) -> list[dict[str, Any]]:
    return [{"tokens": measurement.tokens, **_losses(measurement)} for measurement in curve]


def _losses(measurement: Measurement) -> dict[str, Any]:
    return {
        f"{x.corpus} {x.split}": {
            "loss": round(x.loss, 5),
            "perplexity": round(perplexity(x.loss), 4),
            "tokens": x.tokens,
            "documents": len(x.documents),
        }
        for x in measurement.losses
    }


def _searched(record: TrialRecord, corpora: Sequence[str]) -> dict[str, Any]:
    assert record.last is not None
    return {
        "method": record.spec.method,
        "learning_rate": record.spec.learning_rate,
        "lora_r": record.spec.lora.r if record.spec.lora else None,
        "state": record.state,
        "tokens": record.last.tokens,
        **{corpus: round(record.last.loss(corpus), 4) for corpus in corpora},
    }
