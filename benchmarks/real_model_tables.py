"""The figures of the comparison on a real model as Markdown tables."""

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

COLUMNS = ("filings valid", "filings test", "wiki valid", "wiki test")


def tables(content: dict[str, Any]) -> str:
    """What was searched, where every arm ended, and the paired differences."""
    parts = [
        ("What the searches tried", searched(content["search"])),
        ("Loss at the end, nats a token (perplexity)", ends(content)),
        ("Validation loss along the way", curves(content)),
        ("Paired differences, nats a token ± standard error (seeds)", differences(content["comparisons"])),
    ]
    return "\n".join(f"### {title}\n\n{table}\n" for title, table in parts)


def searched(trials: Sequence[dict[str, Any]]) -> str:
    """One row a trial, by method and learning rate."""
    rows = [
        [t["method"], f"{t['learning_rate']:.2e}", t["lora_r"] or "", t["tokens"], t["state"], t["filings"], t["wiki"]]
        for t in sorted(trials, key=lambda t: (t["method"], t["learning_rate"]))
    ]
    return _table(["method", "learning rate", "rank", "tokens", "state", "filings", "wiki"], rows)


def ends(content: dict[str, Any]) -> str:
    """Every arm before and after training; the mean over its seeds."""
    starts = [[f"before training: {arm}", "", *_cells([found])] for arm, found in content["start"].items()]
    after = [[arm, len(found), *_cells([curve[-1] for curve in found])] for arm, found in content["curves"].items()]
    return _table(["arm", "seeds", *COLUMNS], [*starts, *after])


def _cells(measured: Sequence[dict[str, Any]]) -> list[str]:
    pairs = [(fmean(m[c]["loss"] for m in measured), fmean(m[c]["perplexity"] for m in measured)) for c in COLUMNS]
    return [f"{loss:.4f} ({perplexity:.2f})" for loss, perplexity in pairs]


def curves(content: dict[str, Any]) -> str:
    """Filings / wiki, the mean over seeds, one column for each number of tokens."""
    found = content["curves"]
    tokens = sorted({point["tokens"] for arm in found.values() for curve in arm for point in curve})
    rows = [[arm, *(_point(arm_curves, i) for i in range(len(tokens)))] for arm, arm_curves in found.items()]
    return _table(["arm", *(f"{n:,}" for n in tokens)], rows)


def _point(arm_curves: Sequence[Sequence[dict[str, Any]]], i: int) -> str:
    points = [curve[i] for curve in arm_curves]
    return " / ".join(f"{fmean(point[c]['loss'] for point in points):.4f}" for c in ("filings valid", "wiki valid"))


def differences(comparisons: dict[str, dict[str, dict[str, float]]]) -> str:
    """One row a comparison."""
    rows = [
        [name, *(f"{v['difference']:+.4f} ± {v['stderr']:.4f} ({v['seeds']})" for v in map(found.get, COLUMNS) if v)]
        for name, found in comparisons.items()
    ]
    return _table(["what", *COLUMNS], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
