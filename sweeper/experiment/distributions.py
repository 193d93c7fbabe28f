"""What a searched value may be, in a form that no optimiser's library is needed to read."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Float:
    """A number from `low` to `high`, both included; uniform in its logarithm where `log`."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included; uniform in its logarithm where `log`."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Categorical:
    """One of `choices`; a fixed value is a single choice."""

    choices: tuple[str | int | float, ...]


Distribution = Float | Int | Categorical
Setting = Literal["method", "learning_rate", "lora_r", "domain_ratio"]


@dataclass(frozen=True)
class Parameter:
    """One dimension of the space.

    `name` is unique in the space (`learning_rate.full`); `field` is what its value sets (`learning_rate`). The
    parameter exists in a trial only where every field named by `when` has one of the values given there.
    """

    name: str
    field: Setting
    distribution: Distribution
    when: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to search."""
        return isinstance(self.distribution, Categorical) and len(self.distribution.choices) == 1
