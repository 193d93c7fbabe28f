"""How much one run differs from another that differs in nothing but its seed."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.tables.table import Table

_CHECKPOINTS_THAT_COUNT = 3
"""Checkpoints of a run share its luck: more of them add no degrees of freedom beyond this."""
_COPIED = 1e-12
"""Spread of log loss below which runs are copies of each other."""
_Key = tuple[str, ...]


@dataclass(frozen=True)
class Noise:
    """Standard deviation of the log loss of a single run."""

    sd: float
    dof: int
    """Degrees of freedom of the estimate: intervals use Student's t."""
    replicated: bool
    """False where no run was repeated and the spread about the law stands in."""


def replicate_noise(table: Table) -> Noise | None:
    """Pooled over points measured by several runs that agree in all but the seed; None where there is no such point.

    None as well where all such runs agree to the last digit: they are one run copied, or rounded too coarsely to tell.

    Args:
        table: Rows of one corpus.
    """
    squares, freedom = 0.0, 0
    groups: dict[tuple[_Key, _Key], list[int]] = {}
    for row, point in enumerate(zip(_settings(table), _moments(table), strict=True)):
        groups.setdefault(point, []).append(row)
    known: dict[_Key, list[int]] = {}
    for (setting, _), rows in groups.items():
        runs = {str(table.trial[row]): float(np.log(table.loss[row])) for row in rows}
        if len(runs) > 1:
            squares += float(np.var(list(runs.values())) * len(runs))
            freedom += len(runs) - 1
            known.setdefault(setting, []).append(len(runs) - 1)
    if squares <= _COPIED**2 * freedom:
        return None
    dof = sum(min(sum(each), max(*each, _CHECKPOINTS_THAT_COUNT)) for each in known.values())
    return Noise(float(np.sqrt(squares / freedom)), dof, True)


def _settings(table: Table) -> list[_Key]:
    """(n,) what runs that differ in their seed alone have in common."""
    columns = (table.params, table.domain_ratio, table.share, table.learning_rate, table.lora_r)
    return [
        (*(f"{value:.6g}" for value in row[:-1]), row[-1])
        for row in zip(*(column.tolist() for column in (*columns, table.method)), strict=True)
    ]


def _moments(table: Table) -> list[_Key]:
    """(n,) where in training a row was measured: a branch that cools down is no repetition of the run that it left."""
    parts = np.stack([table.lr_area / table.tokens, table.lr_fraction, table.unique_tokens / table.tokens], axis=1)
    return [
        (f"{tokens:.6g}", *(f"{part:.2f}" for part in row)) for tokens, row in zip(table.tokens, parts, strict=True)
    ]


def residual_noise(residuals: Floats, parameters: int) -> Noise:
    """The spread of log-loss residuals (n,) about a law, where no run was repeated."""
    freedom = max(len(residuals) - parameters, 1)
    return Noise(float(np.sqrt(np.sum(residuals**2) / freedom)), min(freedom, 10), False)


def run_noise(table: Table, about: Floats, parameters: int) -> Noise:
    """What stands in for replicates: the spread (n,) about a law of so many parameters, late in training."""
    return residual_noise(about[late_rows(table)], parameters // 2)


def longest_run(table: Table) -> Floats:
    """(n,) the largest tokens that the size of each row was trained for."""
    sizes, size = np.unique(table.params, return_inverse=True)
    longest = np.zeros(len(sizes))
    np.maximum.at(longest, size, table.tokens)
    return np.asarray(longest[size])


def late_rows(table: Table) -> Bools:
    """Rows in the second half of what their size was trained for: where recommendations are made."""
    return np.asarray(table.tokens >= 0.5 * longest_run(table))


def emphasis(table: Table) -> Floats:
    """How much a row counts in a fit: in full from the second half of its size's tokens on, before in proportion.

    Early rows still bear the warm-up and the optimiser's start, and recommendations are made late.
    """
    return np.asarray(np.minimum(1.0, 2.0 * table.tokens / longest_run(table)))
