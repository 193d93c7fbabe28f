"""What each field of the space may hold."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from sweeper.experiment.forms import Choices, Range, range_or_choices, value_as_choice
from sweeper.experiment.recipe import ScheduleType
from sweeper.experiment.section import Allowed, Flag, FrozenDict, Number, Section, Share, Whole, problem
from sweeper.experiment.simplex import Bounds

Method = Literal["full", "lora", "qlora"]
METHODS: tuple[Method, ...] = ("full", "lora", "qlora")
ADAPTERS: tuple[Method, ...] = ("lora", "qlora")
"""Methods that train a low-rank adapter."""

Rate = Annotated[Number, Field(gt=0.0, le=1.0)]
Count = Annotated[Whole, Field(ge=1, le=1_000_000)]
Positive = Annotated[Number, Field(gt=0.0, le=1e6)]
NotNegative = Annotated[Number, Field(ge=0.0, le=1e6)]
Name = Annotated[str, Field(min_length=1)]


class MethodChoices(Choices[Method]):
    """Methods to choose from."""


class BaseChoices(Choices[Name]):
    """Base models to choose from."""


class ScheduleChoices(Choices[ScheduleType]):
    """Schedules to choose from."""


class RateRange(Range[Rate]):
    """A range of learning rates."""

    log: Flag = True
    """Whether to search uniformly in the logarithm"""


class RateChoices(Choices[Rate]):
    """Learning rates to choose from."""


class ShareRange(Range[Share]):
    """A range of shares."""


class ShareChoices(Choices[Share]):
    """Shares to choose from."""


class CountRange(Range[Count]):
    """A range of whole numbers."""


class CountChoices(Choices[Count]):
    """Whole numbers to choose from."""


class PositiveRange(Range[Positive]):
    """A range of numbers above 0."""


class PositiveChoices(Choices[Positive]):
    """Numbers above 0 to choose from."""


class NotNegativeRange(Range[NotNegative]):
    """A range of numbers from 0 on."""


class NotNegativeChoices(Choices[NotNegative]):
    """Numbers from 0 on to choose from."""


_EITHER = Discriminator(range_or_choices)
_PLAIN = BeforeValidator(value_as_choice)
AnyMethods = Annotated[MethodChoices, _PLAIN, Allowed("choices of `full`, `lora`, `qlora`, or one")]
"""Methods, or one method."""
AnyBase = Annotated[BaseChoices, _PLAIN, Allowed("choices of members of `base_models`, or one")]
"""Base models, or one."""
AnySchedule = Annotated[ScheduleChoices, _PLAIN, Allowed("choices of `constant`, `wsd`, `cosine`, `linear`, or one")]
"""Schedules, or one."""
AnyRate = Annotated[
    Annotated[RateRange, Tag("range")] | Annotated[RateChoices, Tag("choices")],
    _EITHER,
    _PLAIN,
    Allowed("numbers > 0 and ≤ 1"),
]
"""A range of learning rates, choices or one."""
AnyShare = Annotated[
    Annotated[ShareRange, Tag("range")] | Annotated[ShareChoices, Tag("choices")],
    _EITHER,
    _PLAIN,
    Allowed("numbers ≥ 0 and ≤ 1"),
]
"""A range of shares, choices or one."""
AnyCount = Annotated[
    Annotated[CountRange, Tag("range")] | Annotated[CountChoices, Tag("choices")],
    _EITHER,
    _PLAIN,
    Allowed("whole numbers ≥ 1"),
]
"""A range of whole numbers, choices or one."""
AnyPositive = Annotated[
    Annotated[PositiveRange, Tag("range")] | Annotated[PositiveChoices, Tag("choices")],
    _EITHER,
    _PLAIN,
    Allowed("numbers > 0"),
]
"""A range of numbers above 0, choices or one."""
AnyNotNegative = Annotated[
    Annotated[NotNegativeRange, Tag("range")] | Annotated[NotNegativeChoices, Tag("choices")],
    _EITHER,
    _PLAIN,
    Allowed("numbers ≥ 0"),
]
"""A range of numbers from 0 on, choices or one."""


def _one_set(value: object) -> object:
    """A bare list would be read as one set of modules by some, as choices by others."""
    if isinstance(value, list | tuple):
        raise problem(
            f"{list(value)!r} may mean one set of modules or several choices; write {{choices: [[q_proj, v_proj]]}} "
            "for a set, {choices: [q_proj, v_proj]} for choices"
        )
    return value_as_choice(value)


def _joined(value: object) -> object:
    """A list of modules as one value."""
    return ",".join(value) if isinstance(value, list | tuple) and all(isinstance(x, str) for x in value) else value


Modules = Annotated[str, Field(min_length=1), BeforeValidator(_joined)]


class ModulesChoices(Choices[Modules]):
    """Sets of modules to choose from."""


AnyModules = Annotated[
    ModulesChoices,
    BeforeValidator(_one_set),
    Allowed("`all-linear`, a module name, or lists of names as in `{choices: [all-linear, [q_proj, v_proj]]}`"),
]
"""Sets of modules, or one."""


class RatePerMethod(Section):
    """Learning rates by method, as the best of one method says little about another's."""

    full: AnyRate | None = None
    """For `full`."""
    lora: AnyRate | None = None
    """For `lora`."""
    qlora: AnyRate | None = None
    """For `qlora`."""


def _rate_form(value: object) -> str:
    if isinstance(value, Section):
        value = type(value).model_fields
    if not isinstance(value, Mapping) or "choices" in value:
        return "choices"
    methods = set(METHODS) & set(value)
    nested = any(isinstance(x, Mapping) for key, x in value.items() if key != "when")
    return "methods" if methods or (nested and not {"low", "high"} & set(value)) else "range"


RateOrPerMethod = Annotated[
    Annotated[RateRange, Tag("range")]
    | Annotated[RateChoices, Tag("choices")]
    | Annotated[RatePerMethod, Tag("methods")],
    Discriminator(_rate_form),
    BeforeValidator(value_as_choice),
    Allowed("> 0 and ≤ 1; one for all methods, or `{full: ..., lora: ..., qlora: ...}`"),
]
"""Learning rates for all methods, or by method."""


class ShareBounds(Section):
    """Where one corpus' share of a mixture may lie; a number in place of the mapping fixes it."""

    low: Share = 0.0
    """Lowest share of the training tokens."""
    high: Share = 1.0
    """Highest share."""

    @model_validator(mode="before")
    @classmethod
    def _fixed(cls, data: object) -> object:
        number = isinstance(data, int | float) and not isinstance(data, bool)
        return {"low": data, "high": data} if number else data

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.low > self.high:
            raise problem(f"low {self.low:g} is above high {self.high:g}; exchange them")
        return self

    @property
    def bounds(self) -> Bounds:
        """Low and high."""
        return self.low, self.high


Mixture = Annotated[
    Mapping[Name, ShareBounds],
    Field(min_length=2),
    AfterValidator(FrozenDict),
    Allowed("bounds of the share by corpus, as in `{code: {low: 0.1, high: 0.9}, law: 0.1, general: {low: 0.05}}`"),
]
"""Bounds of a mixture's shares."""
