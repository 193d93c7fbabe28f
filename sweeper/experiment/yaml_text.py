"""Reads YAML with line numbers, refusing what would be lost silently."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.reader import ReaderError

from sweeper.experiment.errors import ExperimentError

Path = tuple[str | int, ...]
MOST_VALUES = 100_000
"""Far more than any experiment has; a few aliases of aliases would make billions."""


@dataclass(frozen=True)
class YamlText:
    """What a file says (`data`), and on which line (from 1) each path of it stands."""

    data: object
    lines: dict[Path, int]


class _Loader(yaml.SafeLoader):
    """A safe loader that reads 1e-4 as a number, as YAML 1.2 does and people expect, and leaves dates as text."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """The value of a node, or an error with its place; the library's own has none for what a tag cannot read."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:
            text = str(getattr(node, "value", ""))[:60]
            raise yaml.MarkedYAMLError(
                problem=f"{text!r} cannot be read as {node.tag.rpartition(':')[2]}; put it in quotes, or write another",
                problem_mark=node.start_mark,
            ) from error


_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_EXPONENT = r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"
_Loader.yaml_implicit_resolvers = {
    key: [rule for rule in rules if rule[0] != _TIMESTAMP]
    for key, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(_EXPONENT), list("-+0123456789"))


def read_yaml(text: str, source: str) -> YamlText:
    """Read one YAML document; `source` names it in messages.

    Raises:
        ExperimentError: not YAML, or a key stands twice in a mapping; with line and column.
    """
    try:
        return _read(text)
    except yaml.MarkedYAMLError as error:
        raise ExperimentError(_said(error, source)) from None
    except ReaderError as error:
        before = text[: error.position]
        where = f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
        raise ExperimentError(
            f"{source}: not YAML, {where}: the character {text[error.position]!r} is not allowed"
        ) from None
    except RecursionError:
        raise ExperimentError(
            f"{source}: not YAML: values are nested too deeply; close brackets that are open"
        ) from None


def _read(text: str) -> YamlText:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return YamlText(None, {})
        numbers = dict(itertools.islice(_numbered(node, (), ()), MOST_VALUES + 1))
        if len(numbers) > MOST_VALUES:
            raise yaml.MarkedYAMLError(
                problem=f"holds more than {MOST_VALUES:,} values, aliases written out; take some out",
                problem_mark=node.start_mark,
            )
        return YamlText(loader.construct_document(node), numbers)
    finally:
        loader.dispose()


def _said(error: yaml.MarkedYAMLError, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{source}: not YAML{where}: {' '.join(x for x in (error.context, error.problem) if x)}"


def _numbered(node: yaml.Node, path: Path, above: tuple[int, ...]) -> Iterator[tuple[Path, int]]:
    """The line of every path at or below a node; for a mapping's entries that of the key."""
    if id(node) in above:
        raise yaml.MarkedYAMLError(problem="a value holds itself; write it out", problem_mark=node.start_mark)
    inside = (*above, id(node))
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield (*path, i), item.start_mark.line + 1
            yield from _numbered(item, (*path, i), inside)
    if isinstance(node, yaml.MappingNode):
        _refuse_twice(node)
        for key, value in node.value:
            yield (*path, str(key.value)), key.start_mark.line + 1
            yield from _numbered(value, (*path, str(key.value)), inside)


def _refuse_twice(node: yaml.MappingNode) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        name = str(key.value)
        if name in first and name != "<<":
            raise yaml.MarkedYAMLError(
                problem=f"{name!r} stands twice in one mapping (first on line {first[name]}); take one out",
                problem_mark=key.start_mark,
            )
        first[name] = key.start_mark.line + 1
