"""Turns pydantic's errors about a spec into lines for people: field, value, what is allowed, what to do."""

import difflib
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_LIMITS = {"greater_than_equal": "≥ {ge}", "greater_than": "> {gt}", "less_than_equal": "≤ {le}", "less_than": "< {lt}"}
_TYPES = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text; put it in quotes",
    "tuple_type": "a list, as in [a, b]",
    "dict_type": "a mapping, as in {name: value}",
    "model_type": "a mapping of its fields",
    "model_attributes_type": "a mapping of its fields",
}


def lines(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """One line a problem."""
    found = [line for details in error.errors(include_url=False) for line in _about(details, root)]
    return list(dict.fromkeys(found))


def _about(details: ErrorDetails, root: type[BaseModel]) -> list[str]:
    kind, where = details["type"], _dotted(details["loc"])
    if kind == "value_error":
        # Raised by our own validators: one problem a line, each naming its field where it stands for the whole spec.
        texts = str(details["ctx"]["error"]).splitlines()
        return [f"{where}: {_shown(details['input'])} is not allowed: {text}" if where else text for text in texts]
    return [f"{where or 'the spec'}: {_text(details, root)}"]


def _text(details: ErrorDetails, root: type[BaseModel]) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return f"missing; add it{_meaning(root, details['loc'])}"
    if kind == "extra_forbidden":
        return f"unknown field; {_suggestion(root, details['loc'])}"
    if kind == "literal_error":
        return f"{_shown(value)} is not allowed; must be {context['expected']}"
    if kind in _LIMITS:
        return f"{_shown(value)} is not allowed; must be {_LIMITS[kind].format(**context)}"
    if kind in _TYPES:
        return f"{_shown(value)} is not allowed; must be {_TYPES[kind]}"
    return f"{_shown(value)} is not allowed: {details['msg'][:1].lower()}{details['msg'][1:]}"


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    whole = repr(value)
    return whole if len(whole) <= 60 else f"{whole[:57]}..."


def _meaning(root: type[BaseModel], path: Sequence[str | int]) -> str:
    section = _section(root, path[:-1])
    field = section.model_fields.get(str(path[-1])) if section else None
    if field is None:
        return ""
    choices = [repr(choice) for choice in get_args(field.annotation) if isinstance(choice, str)]
    return f" ({' or '.join(choices)})" if choices else ""


def _suggestion(root: type[BaseModel], path: Sequence[str | int]) -> str:
    section = _section(root, path[:-1])
    known = list(section.model_fields) if section else []
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"leave it out; known here: {', '.join(known)}"


def _section(root: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """The model whose fields stand at a path."""
    section: type[BaseModel] | None = root
    for part in path:
        if isinstance(part, int):
            continue
        field = section.model_fields.get(part) if section else None
        section = None if field is None else _model_in(field.annotation)
    return section


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
