"""A law with some of its parameters held."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError
from sweeper.laws.forms.law import Frame, Law, Space
from sweeper.laws.tables.points import Points


@dataclass(frozen=True)
class Held:
    """The law itself, with equal bounds where a value is given: published numbers, or what a table cannot say.

    Raises:
        LawError: the law has no such parameter.
    """

    law: Law
    values: Mapping[str, float]

    def __post_init__(self) -> None:
        unknown = [name for name in self.values if name not in self.law.names]
        if unknown:
            raise LawError(f"{unknown[0]}: {self.law.name} has no such parameter; it has {', '.join(self.law.names)}")

    @property
    def frame(self) -> Frame:
        """The law's."""
        return self.law.frame

    @property
    def name(self) -> str:
        """The law's."""
        return self.law.name

    @property
    def formula(self) -> str:
        """The law's."""
        return self.law.formula

    @property
    def source(self) -> str:
        """The law's."""
        return self.law.source

    @property
    def names(self) -> tuple[str, ...]:
        """All of the law's parameters, held ones too."""
        return self.law.names

    @property
    def linear(self) -> tuple[str, ...]:
        """The law's linear parameters that are not held."""
        return tuple(name for name in getattr(self.law, "linear", ()) if name not in self.values)

    def space(self) -> Space:
        """The law's, with the held values as both bounds and as prior mean."""
        space = self.law.space()
        held = {name: np.array(getattr(space, name)) for name in ("lower", "upper", "prior_mean")}
        for name, value in self.values.items():
            for bound in held.values():
                bound[self.names.index(name)] = value
        return replace(space, **held)

    def starts(self, rng: np.random.Generator, count: int) -> Floats:
        """The law's, with the held values in place."""
        space = self.space()
        return np.asarray(np.clip(self.law.starts(rng, count), space.lower, space.upper), dtype=np.float64)

    def predict(self, params: Floats, points: Points) -> Floats:
        """The law's."""
        return self.law.predict(params, points)

    def jacobian(self, params: Floats, points: Points) -> Floats:
        """The law's."""
        return self.law.jacobian(params, points)
