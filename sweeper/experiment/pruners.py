"""What stops poor trials at the rungs: Optuna's pruners by name, with their options."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from sweeper.experiment.named import by_name, name_alone, name_of
from sweeper.experiment.quantities import Tokens
from sweeper.experiment.section import Allowed, Number, Section, Unit, Whole

Chance = Annotated[Number, Field(gt=0.0, le=1.0), Unit("probability")]
Factor = Annotated[Whole, Field(ge=2)]


class _BeyondNoise(Section):
    p_threshold: Chance = 0.1
    """A trial that the pruner would stop is stopped only where chance would make it look that much worse than the last
    trial that makes the cut with at most this probability (paired over evaluation documents); 1 asks no such thing."""


class SuccessiveHalving(_BeyondNoise):
    """The best part of each rung goes on, decided as trials arrive: `optuna.pruners.SuccessiveHalvingPruner` (ASHA)."""

    name: Literal["successive_halving"] = "successive_halving"
    """The pruner."""
    min_resource: Tokens | None = None
    """Tokens of the lowest rung that prunes; by default the first of `rungs`."""
    reduction_factor: Factor | None = None
    """One trial in so many goes on; rungs count that are `min_resource` times a power of it. By default the second of
    `rungs` over the first."""
    min_early_stopping_rate: Annotated[Whole, Field(ge=0)] = 0
    """How many of the lowest rungs are skipped."""
    bootstrap_count: Annotated[Whole, Field(ge=0), Unit("trials")] = 0
    """The first trials at a rung that are stopped whatever they measure, as there is nothing to compare them with."""


class Hyperband(_BeyondNoise):
    """Successive halving, part of the trials from higher rungs on: `optuna.pruners.HyperbandPruner`."""

    name: Literal["hyperband"] = "hyperband"
    """The pruner."""
    min_resource: Tokens | None = None
    """Tokens of the lowest rung that prunes; by default the first of `rungs`."""
    max_resource: Tokens | None = None
    """Tokens of a whole trial; by default `max_tokens`."""
    reduction_factor: Factor | None = None
    """One trial in so many goes on. By default the second of `rungs` over the first."""
    bootstrap_count: Annotated[Whole, Field(ge=0), Unit("trials")] = 0
    """The first trials at a rung that are stopped whatever they measure, as there is nothing to compare them with."""


class Median(_BeyondNoise):
    """Trials worse than the median of the earlier ones are stopped: `optuna.pruners.MedianPruner`."""

    name: Literal["median"] = "median"
    """The pruner."""
    n_startup_trials: Annotated[Whole, Field(ge=0), Unit("trials")] = 4
    """Trials that have to be complete before any is stopped."""
    n_warmup_steps: Annotated[Whole, Field(ge=0), Unit("tokens")] = 0
    """Rungs below this many tokens stop no trial."""
    n_min_trials: Annotated[Whole, Field(ge=1), Unit("trials")] = 1
    """Earlier trials that a rung needs."""


class Wilcoxon(Section):
    """A signed-rank test over evaluation documents against the best trial of the rung.

    As `optuna.pruners.WilcoxonPruner`, with the documents as its instances, all of them at once.
    """

    name: Literal["wilcoxon"] = "wilcoxon"
    """The pruner."""
    p_threshold: Chance = 0.1
    """A trial is stopped where chance would make its documents look that much worse with at most this probability."""
    n_startup_steps: Annotated[Whole, Field(ge=2), Unit("documents")] = 2
    """Documents that a comparison needs."""


class NoPruner(Section):
    """Every trial runs to its end."""

    name: Literal["none"] = "none"
    """The pruner."""


PRUNERS: tuple[type[Section], ...] = (SuccessiveHalving, Hyperband, Median, Wilcoxon, NoPruner)

Pruner = Annotated[
    Annotated[SuccessiveHalving, Tag("successive_halving")]
    | Annotated[Hyperband, Tag("hyperband")]
    | Annotated[Median, Tag("median")]
    | Annotated[Wilcoxon, Tag("wilcoxon")]
    | Annotated[NoPruner, Tag("none")],
    Discriminator(name_of),
    BeforeValidator(by_name(PRUNERS)),
    name_alone,
    Allowed("`successive_halving`, `hyperband`, `median`, `wilcoxon`, `none`, or a mapping with options"),
]
"""A pruner's name, or a mapping with its name and options."""
