"""The forms of a searched value: a range, choices, or one fixed value (read as a single choice)."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sweeper.experiment.distributions import Categorical, Distribution, Float, Int, Value
from sweeper.experiment.section import Allowed, Flag, FrozenDict, Section, problem, unique

T = TypeVar("T")
MOST_STEPS = 1e6
"""Finer steps are no different from none."""
STEPS_ROUND = 1e-6
"""Of a step: how far a range's end may lie from a whole number of them."""


def read_when(value: object) -> Mapping[str, tuple[Value, ...]]:
    """Conditions as written: one value or a list of them by field."""
    if not isinstance(value, Mapping):
        raise problem(f"{value!r} is not allowed; write the fields that it depends on, as in {{method: [lora, qlora]}}")
    return {str(field): _values(field, asked) for field, asked in value.items()}


def _values(field: object, asked: object) -> tuple[Value, ...]:
    values = tuple(asked) if isinstance(asked, list | tuple) else (asked,)
    wrong = [value for value in values if isinstance(value, bool) or not isinstance(value, str | int | float)]
    if wrong or not values:
        raise problem(f"{field}: {asked!r} is not allowed; write the values of {field} where it exists, as a list")
    return values


When = Annotated[
    Mapping[str, tuple[Value, ...]],
    BeforeValidator(read_when),
    AfterValidator(FrozenDict),
    Allowed("values by field, as in `{method: [lora, qlora]}`"),
]
"""Conditions on other fields."""


class Form(Section):
    """What all forms have."""

    when: When = FrozenDict()
    """The trials that have the field: those in which each field named here has one of the values given. Named may be
    fields that stand above in the table of `search.space` and have choices. By default all trials, of adapters' fields
    those with an adapter."""

    def distribution(self) -> Distribution:
        """The neutral form."""
        raise NotImplementedError


class Range(Form, Generic[T]):
    """From `low` to `high`, both included."""

    low: T
    """Lowest value."""
    high: T
    """Highest value."""
    log: Flag = False
    """Whether to search uniformly in the logarithm; needs `low` above 0. Learning rates are by default."""
    step: T | None = None
    """Distance of the values to search, from `low` on; `high` is one of them. Not together with `log`."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        low, high, step = _numbers(self.low, self.high, self.step)
        if low >= high:
            raise problem(f"low {low:g} is not below high {high:g}; for one fixed value write the value alone")
        if self.log and low == 0:
            raise problem("log: true needs low above 0, low is 0; raise low or drop log")
        if step is not None:
            _check_step(low, high, step, self.log)
        return self

    def distribution(self) -> Distribution:
        """The neutral form."""
        low, high, step = _numbers(self.low, self.high, self.step)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return Int(self.low, self.high, self.log, None if step is None else int(step))
        return Float(low, high, self.log, step)


class Choices(Form, Generic[T]):
    """A list of values."""

    choices: Annotated[tuple[T, ...], Field(min_length=1), AfterValidator(unique("value"))]
    """Values to choose from."""

    def distribution(self) -> Distribution:
        """The neutral form."""
        values: Any = self.choices
        return Categorical(values)


def value_as_choice(value: object) -> object:
    """Reads a fixed value as a single choice, and a bare list as choices."""
    if value is None or isinstance(value, Mapping | Section):
        return value
    return {"choices": value if isinstance(value, list | tuple) else [value]}


def range_or_choices(value: object) -> str:
    """Which form a value has."""
    if isinstance(value, Section):
        return "choices" if "choices" in type(value).model_fields else "range"
    return "range" if isinstance(value, Mapping) and "choices" not in value else "choices"


def _numbers(low: Any, high: Any, step: Any) -> tuple[float, float, float | None]:
    return float(low), float(high), None if step is None else float(step)


def _check_step(low: float, high: float, step: float, log: bool) -> None:
    if log:
        raise problem(f"step {step:g} and log: true do not go together; write log: false, or leave step out")
    if step <= 0:
        raise problem(f"step {step:g} is not allowed; must be > 0")
    steps = (high - low) / step
    if steps > MOST_STEPS:
        raise problem(
            f"step {step:g} makes {steps:.2g} values of {low:g} to {high:g}; write a longer one, or leave it out"
        )
    if step > high - low or abs(steps - round(steps)) > STEPS_ROUND:
        below = low + math.floor(steps) * step
        raise problem(
            f"high {high:g} is not low {low:g} and whole steps of {step:g}; write high: "
            f"{f'{below:g} or ' if below > low else ''}{below + step:g}"
        )
