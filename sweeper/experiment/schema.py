"""Finds the section of the model that a path of the file leads to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import Tag

from sweeper.experiment.section import Section

TAGS = frozenset({"range", "choices", "methods"})
"""Names of the forms of a searched value; pydantic puts them into its paths, the file has no such level."""


def without_tags(root: type[Section], path: Sequence[str | int]) -> tuple[str | int, ...]:
    """The path as the file has it, without the forms that pydantic adds."""
    kept: list[str | int] = []
    place: Any = root
    for part in path:
        forms = dict(tagged(place))
        if part in forms:
            place = forms[str(part)]
        else:
            kept.append(part)
            place = below(place, part)
    return tuple(kept)


def section_at(root: type[Section], path: Sequence[str | int]) -> type[Section] | None:
    """The section that pydantic's path leads to; None where it leads to something else."""
    place: Any = root
    for part in path:
        place = dict(tagged(place)).get(str(part)) or below(place, part)
    return as_section(place)


def places(root: type[Section], name: str, path: str = "") -> Iterator[str]:
    """The dotted paths of the sections that have a field of this name."""
    if name in root.model_fields:
        yield path
    for field_name, field in root.model_fields.items():
        section = as_section(field.annotation)
        if section is not None:
            yield from places(section, name, f"{path}.{field_name}".removeprefix("."))


def below(place: Any, part: str | int) -> Any:
    """The type of one entry of a type: a field of a section, a value of a mapping; None where there is none."""
    section = as_section(place)
    if section is not None:
        field = section.model_fields.get(str(part))
        return None if field is None else field.annotation
    arguments = get_args(bare(place))
    return arguments[1] if get_origin(bare(place)) in (Mapping, dict) else next(iter(arguments), None)


def as_section(place: Any) -> type[Section] | None:
    """The section that a type is, with None and annotations taken off; None where it is none."""
    found = bare(place)
    return found if isinstance(found, type) and issubclass(found, Section) else None


def tagged(place: Any) -> Iterator[tuple[str, type[Section]]]:
    """The forms that a type may take: (tag, section)."""
    for option in get_args(bare(place)):
        tag = next((x.tag for x in get_args(option)[1:] if isinstance(x, Tag)), None)
        section = as_section(option)
        if tag and section:
            yield tag, section


def bare(place: Any) -> Any:
    """A type without annotations and None."""
    while get_origin(place) is Annotated:
        place = get_args(place)[0]
    options = [option for option in get_args(place) if option is not type(None)]
    return bare(options[0]) if len(options) == 1 and type(None) in get_args(place) else place
