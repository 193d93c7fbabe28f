"""What is run: the search, the law's trials, the constraint, the confirming run."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sweeper.experiment.pruners import Pruner, SuccessiveHalving
from sweeper.experiment.quantities import Tokens
from sweeper.experiment.samplers import Sampler, Tpe
from sweeper.experiment.section import Allowed, Number, Section, Share, Unit, Whole, one_or_many, problem, unique
from sweeper.experiment.space import Space

Rung = Annotated[Number, Field(gt=0.0, lt=1.0)]


def _rising(rungs: tuple[float, ...]) -> tuple[float, ...]:
    if any(late <= early for early, late in pairwise(rungs)):
        raise problem(f"{list(rungs)} does not rise; write the fractions from small to large, each once")
    return rungs


ObjectiveName = Literal["target_loss", "constraint_loss", "tokens", "flops"]
PARETO: tuple[ObjectiveName, ...] = ("target_loss", "constraint_loss", "flops")


def _objectives(value: object) -> object:
    return PARETO if value == "pareto" else one_or_many(value)


def _with_target(names: tuple[str, ...]) -> tuple[str, ...]:
    if "target_loss" not in names:
        raise problem(f"{list(names)} leaves out 'target_loss', which later phases stand on; add it")
    return names


Objectives = Annotated[
    tuple[ObjectiveName, ...],
    BeforeValidator(_objectives),
    AfterValidator(_with_target),
    AfterValidator(unique("objective")),
    Allowed(
        f"`target_loss`, or a list with it of `constraint_loss`, `tokens`, `flops`; `pareto` is [{', '.join(PARETO)}]"
    ),
]


class Search(Section):
    """The search for the best method, learning rate, rank and ratio, on the last base model."""

    space: Space
    """What is searched."""
    enqueue: tuple[Mapping[str, Any], ...] = ()
    """Starting points, run first: values of fields of the space, as in `{method: full, learning_rate: 1.0e-3}`. What
    is left out is proposed. Methods that none of them names begin in the middle of their ranges."""
    trials: Annotated[Whole, Field(ge=0, le=100_000), Unit("trials")]
    """How many configurations to try; 0 only where the space is fixed."""
    max_tokens: Tokens
    """Training tokens of a trial that is not pruned."""
    objectives: Objectives = ("target_loss",)
    """What is minimised. One, the default: the target's loss under the constraint, which the sampler models beside it.
    Several: their Pareto front, with the constraint where `constraint_loss` is not one of them; no pruner then."""
    penalty: Annotated[Number, Field(ge=0.0), Unit("nats per nat")] = 5.0
    """What a trial pays at rungs for each nat of the constrained corpus' loss above its limit, in nats of the target's;
    so are trials ranked that all break the constraint. The sampler has the constraint itself."""
    sampler: Sampler = Tpe()
    """What proposes configurations."""
    startup_trials: Annotated[Whole, Field(ge=0), Unit("trials")] = 5
    """Random trials before `tpe` or `gp` begins to model."""
    pruner: Pruner = SuccessiveHalving()
    """What stops poor trials at the rungs; never on a difference that may be the noise of the evaluation."""
    warm_start: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(one_or_many), Allowed("a path, or several")
    ] = ()
    """Output folders of earlier runs, of other corpora or sizes: each method begins at the learning rate that their
    measurements lead to here, and the sampler sees their trials until it has enough of its own."""
    rungs: Annotated[tuple[Rung, ...], AfterValidator(_rising)] = (0.25, 0.5)
    """Fractions of `max_tokens` at which a trial may be pruned."""


class Law(Section):
    """The trials that the laws are fitted to: every ratio on every base model, never pruned."""

    domain_ratio: Annotated[tuple[Share, ...], Field(min_length=2), AfterValidator(unique("ratio"))]
    """The target's shares of training tokens to measure; five or more, 0 and 1 among them, make a law to trust."""
    max_tokens: Tokens
    """Training tokens of each trial."""
    replicates: Annotated[Whole, Field(ge=0, le=1000), Unit("trials")] = 1
    """Trials run again with another seed, for the noise between runs."""
    evaluations: Annotated[Whole, Field(ge=1, le=1000)] = 6
    """Measurements along a trial, evenly spaced, the last at its end."""


class Constraint(Section):
    """What must not be lost."""

    corpus: Annotated[str, Field(min_length=1)]
    """Name of the corpus whose loss is limited; not the target."""
    max_increase: Annotated[Number, Field(ge=0.0), Unit("share")] = 0.03
    """How far its loss may rise above the unquantised base model's: 0.03 is 3 %."""
    confidence: Annotated[Number, Field(gt=0.0, lt=1.0), Unit("probability")] | None = None
    """The recommended ratio holds the constraint in a single run with at least this probability. By default the
    predicted loss itself has to hold it, which at the limit is about as likely as not."""


class Confirm(Section):
    """The run that checks the recommendation."""

    tokens: Tokens
    """Training tokens; the recommendation is made for this many."""


class Evaluation(Section):
    """How losses are measured."""

    max_tokens: Tokens = 8_000
    """Held-out tokens of each corpus that an evaluation scores, at most."""
    share: Annotated[Number, Field(gt=0.0), Unit("share")] = 0.05
    """All evaluations of a trial together score at most this share of its training tokens, whatever `max_tokens` says
    (but at least one sequence of each corpus); the same held-out text for all trials."""
