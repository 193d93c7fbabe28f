"""The forms of a searched value: a range, choices, or one fixed value (read as a single choice)."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic.functional_validators import AfterValidator

from sweeper.experiment.distributions import Categorical, Float, Int
from sweeper.experiment.section import Allowed, Flag, Number, Section, Share, Whole, problem, unique

Method = Literal["full", "lora", "qlora"]
METHODS: tuple[Method, ...] = ("full", "lora", "qlora")
ADAPTERS: tuple[Method, ...] = ("lora", "qlora")
"""Methods that train a low-rank adapter."""

Rate = Annotated[Number, Field(gt=0.0, le=1.0)]
Rank = Annotated[Whole, Field(ge=1)]


class _Range(Section):
    """From `low` to `high`, both included."""

    low: float
    high: float

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.low >= self.high:
            raise problem(
                f"low {self.low:g} is not below high {self.high:g}; for one fixed value write the value alone"
            )
        return self


class RateRange(_Range):
    """A range of learning rates."""

    low: Rate
    """Lowest peak learning rate."""
    high: Rate
    """Highest peak learning rate."""
    log: Flag = True
    """Whether to search uniformly in the logarithm."""

    def distribution(self) -> Float:
        """The neutral form."""
        return Float(self.low, self.high, self.log)


class RateChoices(Section):
    """A list of learning rates."""

    choices: Annotated[tuple[Rate, ...], Field(min_length=1), AfterValidator(unique("learning rate"))]
    """Peak learning rates to choose from."""

    def distribution(self) -> Categorical:
        """The neutral form."""
        return Categorical(self.choices)


class RatioRange(_Range):
    """A range of the target's share of training tokens."""

    low: Share
    """Lowest share."""
    high: Share
    """Highest share."""
    log: Flag = False
    """Whether to search uniformly in the logarithm; needs `low` above 0."""

    @model_validator(mode="after")
    def _log_of_zero(self) -> Self:
        if self.log and self.low == 0:
            raise problem("log: true needs low above 0, low is 0; raise low or drop log")
        return self

    def distribution(self) -> Float:
        """The neutral form."""
        return Float(self.low, self.high, self.log)


class RatioChoices(Section):
    """A list of the target's shares of training tokens."""

    choices: Annotated[tuple[Share, ...], Field(min_length=1), AfterValidator(unique("share"))]
    """Shares to choose from."""

    def distribution(self) -> Categorical:
        """The neutral form."""
        return Categorical(self.choices)


class MethodChoices(Section):
    """The methods to choose from."""

    choices: Annotated[tuple[Method, ...], Field(min_length=1), AfterValidator(unique("method"))]
    """`full`: all weights. `lora`: adapters on the base model. `qlora`: adapters on the base model in 4 bits (NF4)."""

    def distribution(self) -> Categorical:
        """The neutral form."""
        return Categorical(self.choices)


class When(Section):
    """Where a parameter exists."""

    method: Annotated[tuple[Literal["lora", "qlora"], ...], Field(min_length=1)] = ("lora", "qlora")
    """Methods that have the parameter."""


class RankRange(_Range):
    """A range of LoRA ranks."""

    low: Rank
    """Lowest rank."""
    high: Rank
    """Highest rank."""
    log: Flag = False
    """Whether to search uniformly in the logarithm."""
    when: When = When()
    """Where the rank exists."""

    def distribution(self) -> Int:
        """The neutral form."""
        return Int(self.low, self.high, self.log)


class RankChoices(Section):
    """A list of LoRA ranks."""

    choices: Annotated[tuple[Rank, ...], Field(min_length=1), AfterValidator(unique("rank"))]
    """Ranks to choose from."""
    when: When = When()
    """Where the rank exists."""

    def distribution(self) -> Categorical:
        """The neutral form."""
        return Categorical(self.choices)


def _value_as_choice(value: object) -> object:
    """Reads a fixed value as a single choice, and a bare list as choices."""
    if value is None or isinstance(value, Mapping | Section):
        return value
    return {"choices": value if isinstance(value, list | tuple) else [value]}


def _form(value: object) -> str:
    if isinstance(value, Section):
        value = type(value).model_fields
    if not isinstance(value, Mapping) or "choices" in value:
        return "choices"
    methods = set(METHODS) & set(value)
    nested = any(isinstance(x, Mapping) for key, x in value.items() if key != "when")
    return "methods" if methods or (nested and not {"low", "high"} & set(value)) else "range"


def _range_or_choices(value: object) -> str:
    return "choices" if _form(value) == "choices" else "range"


AnyMethods = Annotated[MethodChoices, BeforeValidator(_value_as_choice), Allowed("`{choices: [...]}` or one value")]
"""Methods, or one method."""
AnyRate = Annotated[
    Annotated[RateRange, Tag("range")] | Annotated[RateChoices, Tag("choices")],
    Discriminator(_range_or_choices),
    BeforeValidator(_value_as_choice),
]
"""A range of learning rates, choices or one."""
AnyRatio = Annotated[
    Annotated[RatioRange, Tag("range")] | Annotated[RatioChoices, Tag("choices")],
    Discriminator(_range_or_choices),
    BeforeValidator(_value_as_choice),
]
"""A range of shares, choices or one."""
AnyRank = Annotated[
    Annotated[RankRange, Tag("range")] | Annotated[RankChoices, Tag("choices")],
    Discriminator(_range_or_choices),
    BeforeValidator(_value_as_choice),
]
"""A range of ranks, choices or one."""


class RatePerMethod(Section):
    """Learning rates by method, as the best of one method says little about another's."""

    full: AnyRate | None = None
    """For `full`."""
    lora: AnyRate | None = None
    """For `lora`."""
    qlora: AnyRate | None = None
    """For `qlora`."""


RateOrPerMethod = Annotated[
    Annotated[RateRange, Tag("range")]
    | Annotated[RateChoices, Tag("choices")]
    | Annotated[RatePerMethod, Tag("methods")],
    Discriminator(_form),
    BeforeValidator(_value_as_choice),
]
"""Learning rates for all methods, or by method."""
