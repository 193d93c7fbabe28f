"""Turns pydantic's errors into lines for people: path, value, what is allowed, what to do."""

from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sweeper.experiment.names import nearest, suggestion
from sweeper.experiment.schema import places, section_at, without_tags
from sweeper.experiment.section import Allowed, Section

_LIMITS = {"greater_than_equal": "≥ {ge}", "greater_than": "> {gt}", "less_than_equal": "≤ {le}", "less_than": "< {lt}"}
_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list, as in [a, b]",
    "mapping_type": "a mapping, as in {name: value}",
    "dict_type": "a mapping, as in {name: value}",
    "model_type": "a mapping with the fields of docs/experiment.md",
    "model_attributes_type": "a mapping with the fields of docs/experiment.md",
    "union_tag_not_found": "a value, {choices: [...]} or {low: ..., high: ...}",
}


def lines(error: ValidationError, root: type[Section], numbers: Mapping[tuple[str | int, ...], int]) -> list[str]:
    """One line a problem, by the order of the file; `numbers` gives the line of the file for each path."""
    errors = [e for e in error.errors(include_url=False) if not _counts_refused(e)]
    found = [(without_tags(root, e["loc"]), text(e, root)) for e in errors]
    unique = dict.fromkeys(found)
    return [f"{dotted(path)}{_line(path, numbers)}: {message}" for path, message in unique]


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it: `law.domain_ratio[2]`."""
    said = [part if isinstance(part, int) or part.strip() else repr(part) for part in path if part != "[key]"]
    joined = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in said)
    return joined.removeprefix(".") or "the file"


def text(error: ErrorDetails, root: type[Section]) -> str:
    """What is wrong with one value, what is allowed, what to do."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(error, root)
    if kind in _LIMITS:
        return f"{shown(value)} is not allowed; must be {_LIMITS[kind].format(**context)}"
    if kind in _TYPES:
        return f"{shown(value)} is not allowed; must be {_allowed(error, root) or _TYPES[kind]}{_quotes(kind, value)}"
    return f"{shown(value)} is not allowed: {error['msg']}"


def shown(value: object) -> str:
    """A value as the file has it, cut where it is long."""
    words = {True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return "null" if value is None else words[value]
    whole = repr(value)
    return whole if len(whole) <= 60 else f"{whole[:57]}..."


def _quotes(kind: str, value: object) -> str:
    if kind in ("int_type", "float_type") and isinstance(value, str):
        return "; write it without quotes"
    return "; put it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""


def _counts_refused(error: ErrorDetails) -> bool:
    """Whether a list is only too short because pydantic leaves out entries that have errors of their own."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _line(path: tuple[str | int, ...], numbers: Mapping[tuple[str | int, ...], int]) -> str:
    known = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in numbers), None)
    return "" if known is None else f" (line {numbers[known]})"


def _custom(error: ErrorDetails, root: type[Section]) -> str:
    return error["msg"]


def _allowed(error: ErrorDetails, root: type[Section]) -> str | None:
    """What the field itself says it allows."""
    section = section_at(root, error["loc"][:-1]) if error["loc"] else None
    field = section.model_fields.get(str(error["loc"][-1])) if section else None
    return next((mark.text for mark in field.metadata if isinstance(mark, Allowed)), None) if field else None


def _missing(error: ErrorDetails, root: type[Section]) -> str:
    section = section_at(root, error["loc"][:-1])
    field = section.model_fields.get(str(error["loc"][-1])) if section else None
    meaning = f": {_first_sentence(field.description)}" if field and field.description else ""
    return f"missing; add it{meaning}"


def _first_sentence(description: str) -> str:
    sentence = " ".join(description.split()).split(". ")[0].rstrip(".")
    return sentence[:1].lower() + sentence[1:]


def _unknown(error: ErrorDetails, root: type[Section]) -> str:
    name, section = str(error["loc"][-1]), section_at(root, error["loc"][:-1])
    known = tuple(section.model_fields) if section else ()
    homes = [home for home in places(root, name) if home] if nearest(name, known) is None else []
    return f"unknown field; {f'it belongs in {homes[0]!r}' if homes else suggestion(name, known)}"


def _literal(error: ErrorDetails, root: type[Section]) -> str:
    value, expected = error["input"], str(error["ctx"]["expected"])
    near = (
        nearest(value, [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")])
        if isinstance(value, str)
        else None
    )
    return f"{shown(value)} is not allowed; must be {expected}" + (f"; did you mean {near!r}?" if near else "")


def _short(error: ErrorDetails, root: type[Section]) -> str:
    least, actual = error["ctx"]["min_length"], error["ctx"]["actual_length"]
    return f"has {actual} {'entry' if actual == 1 else 'entries'}; needs at least {least}"


def _empty(error: ErrorDetails, root: type[Section]) -> str:
    return "is empty; write a value or take the field out"


def _pattern(error: ErrorDetails, root: type[Section]) -> str:
    allowed = "letters, digits, '-', '_' and '.', beginning with a letter or digit"
    return f"{shown(error['input'])} is not allowed; use {allowed}"


_SPECIAL: Mapping[str, Callable[[ErrorDetails, type[Section]], str]] = {
    "experiment": _custom,
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _literal,
    "too_short": _short,
    "string_too_short": _empty,
    "string_pattern_mismatch": _pattern,
}
