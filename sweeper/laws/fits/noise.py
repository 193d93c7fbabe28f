"""How much one run differs from another that differs in nothing but its seed."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Bools, Floats
from sweeper.laws.tables.table import Table

_CHECKPOINTS_THAT_COUNT = 3
"""Checkpoints of a run share its luck: more of them add no degrees of freedom beyond this."""


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

    Args:
        table: Rows of one corpus.
    """
    squares, freedom = 0.0, 0
    groups: dict[tuple[str, ...], list[int]] = {}
    keys = np.stack(
        [table.params, table.tokens, table.domain_ratio, table.share, table.learning_rate, table.lora_r], axis=1
    )
    for row, key in enumerate(keys):
        groups.setdefault((*(f"{value:.6g}" for value in key), str(table.method[row])), []).append(row)
    checkpoints: dict[tuple[str, ...], int] = {}
    for key_text, rows in groups.items():
        runs = {str(table.trial[row]): float(np.log(table.loss[row])) for row in rows}
        if len(runs) > 1:
            squares += float(np.var(list(runs.values())) * len(runs))
            freedom += len(runs) - 1
            point = (key_text[0], *key_text[2:])
            checkpoints[point] = checkpoints.get(point, 0) + len(runs) - 1
    if freedom == 0:
        return None
    dof = sum(min(n, _CHECKPOINTS_THAT_COUNT) for n in checkpoints.values())
    return Noise(float(np.sqrt(squares / freedom)), dof, True)


def residual_noise(residuals: Floats, parameters: int) -> Noise:
    """The spread of log-loss residuals (n,) about a law, where no run was repeated."""
    freedom = max(len(residuals) - parameters, 1)
    return Noise(float(np.sqrt(np.sum(residuals**2) / freedom)), min(freedom, 10), False)


def run_noise(table: Table, about: Floats, parameters: int) -> Noise:
    """What stands in for replicates: the spread (n,) about a law of so many parameters, late in training."""
    return residual_noise(about[late_rows(table)], parameters // 2)


def late_rows(table: Table) -> Bools:
    """Rows in the second half of what their size was trained for: where recommendations are made."""
    largest = np.array([table.tokens[table.params == n].max() for n in table.params])
    return np.asarray(table.tokens >= 0.5 * largest)


def emphasis(table: Table) -> Floats:
    """How much a row counts in a fit: in full from the second half of its size's tokens on, before in proportion.

    Early rows still bear the warm-up and the optimiser's start, and recommendations are made late.
    """
    largest = np.array([table.tokens[table.params == n].max() for n in table.params])
    return np.asarray(np.minimum(1.0, 2.0 * table.tokens / largest))
