"""How much of each corpus a table holds: what decides which laws it allows."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.tables.table import Table

_SAME_RATIO = 3
"""Decimals: shares that agree to these are one ratio."""


@dataclass(frozen=True)
class Counts:
    """Of one corpus, without the rows at tokens = 0."""

    rows: int
    runs: int
    ratios: int
    """Distinct domain ratios."""
    checkpoints: int
    """Most token counts that one run was measured at."""
    sizes: int
    methods: int
    rates: int
    """Distinct learning rates; 0 where none is known."""


def count(table: Table) -> dict[str, Counts]:
    """The counts of every corpus of a table, in its order."""
    return {name: _count(table.rows((table.corpus == name) & (table.tokens > 0))) for name in table.corpora}


def _count(rows: Table) -> Counts:
    rates = rows.learning_rate[~np.isnan(rows.learning_rate)]
    return Counts(
        rows=len(rows),
        runs=len(set(rows.trial.tolist())),
        ratios=len(np.unique(np.round(rows.domain_ratio, _SAME_RATIO))),
        checkpoints=max(
            (len(np.unique(rows.tokens[rows.trial == run])) for run in set(rows.trial.tolist())), default=0
        ),
        sizes=len(np.unique(rows.params)),
        methods=len(set(rows.method.tolist())),
        rates=len(np.unique(rates)),
    )


def count_notes(counts: dict[str, Counts]) -> list[str]:
    """What the table as a whole has too little of, and what that costs."""
    trained = [each for each in counts.values() if each.rows]
    notes = []
    if trained and max(each.ratios for each in trained) == 1:
        notes.append(
            "One domain ratio only: laws in tokens can be fitted, but nothing says how the loss depends on the mixture "
            "and no ratio can be recommended."
        )
    if trained and max(each.checkpoints for each in trained) == 1:
        notes.append(
            "Every run was measured once: how the loss goes on with tokens is known across runs only, and losses "
            "beyond the measured tokens are guesses."
        )
    return notes
