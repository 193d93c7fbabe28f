"""What a run may spend in all."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sweeper.experiment.quantities import Tokens, format_tokens
from sweeper.experiment.section import Number, Section, Unit, problem

BudgetUnit = Literal["tokens", "flops", "gpu_hours", "hours"]
UNITS: tuple[BudgetUnit, ...] = ("tokens", "flops", "gpu_hours", "hours")


class Budget(Section):
    """What search, law and confirming run may spend together, in one unit: exactly one of the first four is given. The
    confirming run's own cost is set aside first; the search has `search_share` of the rest, or what the law's trials
    leave where that is more; the law, with the comparison of methods and the checks of learning rates, has what
    remains. A trial begins, and goes on at each of its evaluations, only where the budget holds what it costs to the
    next one: tokens and operations, known beforehand, are never exceeded, hours by no more than one evaluation interval
    of each trial that runs when they are used up. Trials that were stopped or not begun go on when the budget is
    raised; those of the search that were stopped count as pruned. Earlier calls in the same output folder count.
    Pre-training of built-in base models, base losses, packing of text and fits do not.
    """

    tokens: Tokens | None = None
    """Training tokens of all trials. What a trial repeats after a crash is not counted again."""
    flops: Annotated[Number, Field(gt=0.0), Unit("operations")] | None = None
    """Floating-point operations of training and evaluation, by the estimate that `plan` shows."""
    gpu_hours: Annotated[Number, Field(gt=0.0), Unit("hours")] | None = None
    """Hours of workers, summed over all while they hold a trial: of GPUs where trials run on them, one a worker; else
    of CPU workers."""
    hours: Annotated[Number, Field(gt=0.0), Unit("hours")] | None = None
    """Hours on the clock while trials run, summed over calls."""
    search_share: Annotated[Number, Field(gt=0.0, lt=1.0), Unit("share")] = 0.35
    """The search's share of what the confirming run leaves."""

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        given = [unit for unit in UNITS if getattr(self, unit) is not None]
        if len(given) != 1:
            said = f"has {' and '.join(given)}" if given else "has no amount"
            raise problem(f"{said}; write exactly one of {', '.join(UNITS)}, as in {{tokens: 20M}}")
        return self

    @property
    def unit(self) -> BudgetUnit:
        """What it is counted in."""
        return next(unit for unit in UNITS if getattr(self, unit) is not None)

    @property
    def amount(self) -> float:
        """How much, in that unit."""
        return float(getattr(self, self.unit))

    @property
    def words(self) -> str:
        """For people, as in `20M tokens`."""
        return f"{format_tokens(self.tokens)} tokens" if self.tokens else format_amount(self.unit, self.amount)


def format_amount(unit: BudgetUnit, amount: float) -> str:
    """In three digits: `1.23M tokens`, `1.2e+18 operations`, `3.25 worker-hours`, `3.25 hours`."""
    number = f"{amount:.3g}"
    if unit == "tokens":
        return f"{format_tokens(round(float(number)))} tokens"
    words = {"flops": "operations", "gpu_hours": "worker-hours", "hours": "hours"}
    return f"{number} {words[unit]}".removesuffix("s" if number == "1" else " ")
