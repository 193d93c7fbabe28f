"""What a searched value may be, in a form that no optimiser's library is needed to read."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sweeper.experiment.simplex import Simplex

Value = str | int | float
Field = Literal[
    "method",
    "base_model",
    "learning_rate",
    "lora_r",
    "lora_alpha_ratio",
    "lora_target_modules",
    "domain_ratio",
    "mixture",
    "lr_scheduler_type",
    "warmup_ratio",
    "global_batch_size",
    "weight_decay",
]
"""What a searched value sets."""


def _said(part: Any) -> str:
    """A dataclass as text, without what is None: studies are named by it, and may not change with a new field."""
    given = ((field.name, getattr(part, field.name)) for field in dataclasses.fields(part))
    values = ", ".join(f"{name}={value!r}" for name, value in given if value is not None)
    return f"{type(part).__name__}({values})"


@dataclass(frozen=True, repr=False)
class Float:
    """A number from `low` to `high`, both included; uniform in its logarithm where `log`, else in steps of `step`."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    __repr__ = _said


@dataclass(frozen=True, repr=False)
class Int:
    """A whole number from `low` to `high`, both included; uniform in its logarithm where `log`, else by `step`."""

    low: int
    high: int
    log: bool = False
    step: int | None = None
    """None: every whole number."""
    __repr__ = _said


@dataclass(frozen=True)
class Categorical:
    """One of `choices`; a fixed value is a single choice."""

    choices: tuple[Value, ...]


Distribution = Float | Int | Categorical


@dataclass(frozen=True, repr=False)
class Parameter:
    """One dimension of the space.

    `name` is unique in the space (`learning_rate.full`); `field` is what its value sets (`learning_rate`). The
    parameter exists in a trial only where every field named by `when` has one of the values given there. Those of a
    `mixture` (`mixture.code`) set it together, through the `simplex` that they share.
    """

    name: str
    field: Field
    distribution: Distribution
    when: Mapping[str, tuple[Value, ...]] = dataclasses.field(default_factory=dict)
    simplex: Simplex | None = None
    __repr__ = _said

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to search."""
        return isinstance(self.distribution, Categorical) and len(self.distribution.choices) == 1
