"""What every part of the experiment file is made of: a frozen, strict section, and its scalar types."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AllowInfNan, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

Key = TypeVar("Key")
Value = TypeVar("Value")


class Section(BaseModel):
    """A frozen mapping that refuses unknown keys; the docstring under a field is its entry in `docs/experiment.md`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


class FrozenDict(dict[Key, Value]):
    """A dictionary that cannot be changed, as a frozen section alone would not stop its mappings from being."""

    def _refuse(self, *_: object, **__: object) -> Any:
        raise TypeError("an experiment cannot be changed; make another with `parse_experiment`")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type["FrozenDict[Key, Value]"], tuple[dict[Key, Value]]]:
        return type(self), (dict(self),)


@dataclass(frozen=True)
class Unit:
    """The unit of a field, for the reference page."""

    name: str


@dataclass(frozen=True)
class Allowed:
    """What a field allows, in words, where the types alone do not say it."""

    text: str


def problem(message: str) -> PydanticCustomError:
    """An error of one field whose text is complete: the value, what is allowed, what to do."""
    return PydanticCustomError("experiment", "{message}", {"message": message})


def one_or_many(value: object) -> object:
    """Reads a single string as a list of one, so that both may be written."""
    return [value] if isinstance(value, str) else value


def auto_is_none(value: object) -> object:
    """Reads the word `auto` as None, the form in which code asks whether a value was given."""
    return None if value == "auto" else value


def unique(noun: str) -> Callable[[tuple[Value, ...]], tuple[Value, ...]]:
    """A validator that refuses a list with the same item twice."""

    def check(items: tuple[Value, ...]) -> tuple[Value, ...]:
        twice = [item for i, item in enumerate(items) if item in items[:i]]
        if twice:
            raise problem(f"{twice[0]!r} stands in the list twice; name each {noun} once")
        return items

    return check


BEYOND_REASON = 10**12
Whole = Annotated[int, Strict(), Field(le=BEYOND_REASON)]
"""A whole number, not beyond reason; neither true nor a quoted number passes for one."""
Number = Annotated[float, Strict(), AllowInfNan(False)]
"""A finite number."""
Share = Annotated[Number, Field(ge=0.0, le=1.0)]
"""A share from 0 to 1."""
Flag = Annotated[bool, Strict()]
"""true or false."""
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(one_or_many), Field(min_length=1)]
"""One string or a list of them."""
