"""Writes docs/experiment.md from the model: `python -m sweeper.experiment.reference > docs/experiment.md`."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from sweeper.experiment.forms import Choices, Form, Range
from sweeper.experiment.model import Experiment
from sweeper.experiment.quantities import format_tokens
from sweeper.experiment.schema import as_section, bare, below, tagged
from sweeper.experiment.section import BEYOND_REASON, Allowed, Section, Unit
from sweeper.experiment.space import Space

_INTRO = """\
# The experiment file

Written by `python -m sweeper.experiment.reference` from the model in `sweeper/experiment/`; edit the docstrings there.

An experiment is one YAML file; `search_spaces/quickstart.yaml` is an example and `python -m sweeper init` writes one
for your own text. Unknown fields are refused. Token quantities may be written `80k`, `2M`, `1.5B`, sizes `8MB`, `1GB`,
`512MiB`. Paths are relative to the file's folder. `python -m sweeper plan FILE` lists every problem of a file at once.
"""
_SEARCHED = """\
## Searched values

Fields of `search.space` have one of these forms.
"""
_RANGE = "A range, `{low, high, log, step}`: numbers from `low` to `high`, both included."
_CHOICES = "Choices, `{choices: [...]}`; a bare list is read so, and one value alone is a single choice."
_BOTH = "Both may have conditions."


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_INTRO, *_pages("", Experiment)]).rstrip() + "\n"


def _pages(path: str, section: type[Section]) -> Iterator[str]:
    if path:
        yield f"## `{path}`\n"
        yield _doc(section) + "\n"
    yield _table(section) + "\n"
    for name, field in section.model_fields.items():
        inner = _joined(path, _entry(name, field.annotation))
        part = _section(field.annotation)
        if part is not None and not issubclass(part, Form) and not list(tagged(field.annotation)):
            yield from _pages(inner, part)
        for tag, form in tagged(field.annotation):
            if not issubclass(form, Form):
                yield f"### `{inner}`: {'by method' if tag == 'methods' else f'`{{name: {tag}}}`'}\n"
                yield _table(form) + "\n"
    if section is Space:
        yield from _form_pages()


def _form_pages() -> Iterator[str]:
    """The forms once, and not at each field that has them."""
    yield _SEARCHED
    for form, said in ((Range[float], _RANGE), (Choices[float], _CHOICES), (Form, _BOTH)):
        yield f"{said}\n\n| field | default | meaning |\n|---|---|---|"
        for name, field in form.model_fields.items():
            if form is Form or name not in Form.model_fields:
                yield f"| `{name}` | {_default(field)} | {' '.join((field.description or '').split())} |"
        yield ""


def _section(annotation: Any) -> type[Section] | None:
    """The section of a field, or of the values of a mapping."""
    return as_section(annotation) or (as_section(below(annotation, "")) if _is_mapping(annotation) else None)


def _is_mapping(annotation: Any) -> bool:
    return get_origin(bare(annotation)) in (Mapping, dict)


def _is_tuple(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _entry(name: str, annotation: Any) -> str:
    return f"{name}.NAME" if _is_mapping(annotation) else name


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _doc(section: type[Section]) -> str:
    return (section.__doc__ or "").strip().split("\n\n")[0]


def _table(section: type[Section]) -> str:
    rows = [_row(name, field) for name, field in section.model_fields.items()]
    return "\n".join(["| field | unit | default | allowed | meaning |", "|---|---|---|---|---|", *rows])


def _row(name: str, field: FieldInfo) -> str:
    cells = (f"`{name}`", _unit(field), _default(field), _allowed(field), " ".join((field.description or "").split()))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _marks(field: FieldInfo) -> list[Any]:
    return [*field.metadata, *_marks_of(field.annotation)]


def _marks_of(annotation: Any) -> list[Any]:
    """Everything that annotations say about the values of a type, the outermost first."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        flat = [x for mark in marks for x in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]
        return [*flat, *_marks_of(inner)]
    return [mark for part in get_args(annotation) if get_origin(annotation) is not Literal for mark in _marks_of(part)]


def _unit(field: FieldInfo) -> str:
    return next((mark.name for mark in _marks(field) if isinstance(mark, Unit)), "–")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Section):
        return f"`{value.name}`" if hasattr(value, "name") else "its fields' defaults"
    if value is None:
        text = next((mark.text for mark in _marks(field) if isinstance(mark, Allowed)), "")
        return "`auto`" if text.startswith("auto") else "none"
    if _unit(field) == "tokens":
        return f"`{format_tokens(value)}`"
    return f"`{json.dumps(value)}`".replace('"', "")


def _allowed(field: FieldInfo) -> str:
    marks = _marks(field)
    text = next((mark.text for mark in marks if isinstance(mark, Allowed)), None)
    if text is not None:
        return text
    if as_section(field.annotation):
        return "see below"
    choices = _choices(field.annotation)
    if choices:
        return ("list of " if _is_tuple(field.annotation) else "") + ", ".join(f"`{choice}`" for choice in choices)
    limits = _limits(marks)
    if _is_tuple(field.annotation):
        return f"list of numbers {limits}" if limits else "list of text"
    return limits or _kind(field.annotation)


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((found for part in get_args(annotation) if (found := _choices(part))), ())


def _limits(marks: list[Any]) -> str:
    # What lies further in bounds every whole number, and is nothing to speak of.
    told = [mark for mark in marks if not (isinstance(mark, Le) and mark.le == BEYOND_REASON)]
    bounds = {type(mark): mark for mark in reversed(told)}
    words = [
        f"{sign} {getattr(bounds[kind], name):g}"
        for kind, sign, name in ((Ge, "≥", "ge"), (Gt, ">", "gt"), (Le, "≤", "le"), (Lt, "<", "lt"))
        if kind in bounds
    ]
    least = f", at least {bounds[MinLen].min_length}" if MinLen in bounds and bounds[MinLen].min_length > 1 else ""
    return " and ".join(words) + least


def _kind(annotation: Any) -> str:
    return "`true`, `false`" if annotation is bool or bool in get_args(annotation) else "text"


if __name__ == "__main__":
    print(reference(), end="")
