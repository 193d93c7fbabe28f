"""What proposes configurations: Optuna's samplers by name, with their options."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from sweeper.experiment.named import by_name, name_alone, name_of
from sweeper.experiment.section import Allowed, Flag, Section, Unit, Whole, problem

Startup = Annotated[Whole, Field(ge=0), Unit("trials"), Allowed("≥ 0; by default `search.startup_trials`")]


class Tpe(Section):
    """A tree-structured Parzen estimator: `optuna.samplers.TPESampler`."""

    name: Literal["tpe"] = "tpe"
    """The sampler."""
    n_startup_trials: Startup | None = None
    """Random trials before it models."""
    n_ei_candidates: Annotated[Whole, Field(ge=1)] = 24
    """Configurations drawn for each proposal, of which the most promising is taken."""
    multivariate: Flag = True
    """Whether parameters are modelled together."""
    group: Flag = True
    """Whether parameters that exist together (a method's) have a model of their own; needs `multivariate`."""
    constant_liar: Flag = True
    """Whether running trials count as poor, so that parallel lanes do not propose the same."""

    @model_validator(mode="after")
    def _group_is_joint(self) -> Self:
        if self.group and not self.multivariate:
            raise problem("group: true needs multivariate: true; write group: false beside multivariate: false")
        return self


class Gp(Section):
    """A Gaussian process with expected improvement: `optuna.samplers.GPSampler`, the methods' ranges laid together.

    It needs scipy and torch, which are there, and takes running trials into account.
    """

    name: Literal["gp"] = "gp"
    """The sampler."""
    n_startup_trials: Startup | None = None
    """Random trials before it models."""
    deterministic_objective: Flag = False
    """Whether losses are taken to be without noise."""


class Random(Section):
    """Chance alone: `optuna.samplers.RandomSampler`."""

    name: Literal["random"] = "random"
    """The sampler."""


class Grid(Section):
    """Every combination of the values once, in random order; every parameter needs `choices`, or a range a `step`."""

    name: Literal["grid"] = "grid"
    """The sampler."""


SAMPLERS: tuple[type[Section], ...] = (Tpe, Gp, Random, Grid)

Sampler = Annotated[
    Annotated[Tpe, Tag("tpe")]
    | Annotated[Gp, Tag("gp")]
    | Annotated[Random, Tag("random")]
    | Annotated[Grid, Tag("grid")],
    Discriminator(name_of),
    BeforeValidator(by_name(SAMPLERS)),
    name_alone,
    Allowed("`tpe`, `gp`, `random`, `grid`, or a mapping with options"),
]
"""A sampler's name, or a mapping with its name and options."""
