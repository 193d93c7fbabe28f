"""How a trial ended, as the study is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

CONSTRAINT = "constraint"
"""The name under which Optuna knows what the constrained corpus' loss exceeds its limit by; above 0 it is broken."""
AGAIN = "again"
"""The user attribute of a trial that stands in for one that failed: that one's number."""
DIVERGED = "diverged"
"""The user attribute of a trial whose loss was no longer finite."""
DIVERGED_EXCESS = 1e3
"""Stands for the constraint's excess of such a trial, nats: beyond any loss, so that it ranks last."""


@dataclass(frozen=True)
class Outcome:
    """A trial's end.

    `pruned` is told as pruned, never as complete. `diverged` is what its setting does (a learning rate too high), so
    the sampler is to learn from it: told as pruned, without a value, and last of all. `failed` is what the machine did
    (out of memory, a lost file) and tells nothing of the setting: samplers ignore it.
    """

    state: Literal["completed", "pruned", "diverged", "failed"]
    values: Sequence[float] = ()
    """By objective, where completed."""
    excess: float | None = None
    """What the constrained corpus' loss exceeds its limit by, nats per token; None where there is no constraint."""
