"""Sections that are chosen by a name: written as the name alone, or as a mapping with the name and options."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import SerializerFunctionWrapHandler, WrapSerializer

from sweeper.experiment.names import nearest
from sweeper.experiment.section import Section, problem


def by_name(forms: Sequence[type[Section]]) -> Callable[[object], object]:
    """A validator that reads a name alone as a mapping, and refuses names that no form has."""
    names = tuple(str(form.model_fields["name"].default) for form in forms)

    def read(value: object) -> object:
        if isinstance(value, Section):
            return value
        named = {"name": value} if not isinstance(value, Mapping) else value
        if "name" not in named:
            raise problem(f"has no name; write {{name: {names[0]}, ...}} with one of {', '.join(names)}")
        if named["name"] not in names:
            raise problem(_unknown(named["name"], names))
        return named

    return read


def name_of(value: Any) -> str:
    """The name that says which form a value has."""
    return str(value["name"] if isinstance(value, Mapping) else value.name)


def short(section: Section) -> str | dict[str, Any]:
    """The name alone where all options have their defaults: a file that spells them out means the same experiment."""
    whole = section.model_dump(mode="json")
    return name_of(section) if section == type(section)() else whole


def _serialised(section: Section, handler: SerializerFunctionWrapHandler) -> Any:
    whole = handler(section)
    return whole["name"] if section == type(section)() else whole


name_alone = WrapSerializer(_serialised)
"""Writes a section without options of its own as its name."""


def _unknown(name: object, names: Sequence[str]) -> str:
    near = nearest(name, names) if isinstance(name, str) else None
    shown = repr(name) if name is not None else "null"
    return f"{shown} is not allowed; must be {_listed(names)}" + (f"; did you mean {near!r}?" if near else "")


def _listed(names: Sequence[str]) -> str:
    words = [repr(name) for name in names]
    return f"{', '.join(words[:-1])} or {words[-1]}"
