"""Reads YAML with line numbers, refusing what would be lost silently."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from sweeper.experiment.errors import ExperimentError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlText:
    """What a file says (`data`), and on which line (from 1) each path of it stands."""

    data: object
    lines: dict[Path, int]


class _Loader(yaml.SafeLoader):
    """A safe loader that reads 1e-4 as a number, as YAML 1.2 does and people expect."""


_Loader.yaml_implicit_resolvers = {key: list(rules) for key, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}
_EXPONENT = r"^[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?[eE][-+]?[0-9]+$"
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(_EXPONENT), list("-+0123456789"))


def read_yaml(text: str, source: str) -> YamlText:
    """Read one YAML document; `source` names it in messages.

    Raises:
        ExperimentError: not YAML, or a key stands twice in a mapping; with line and column.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        numbers = dict(_numbered(node, (), source)) if node else {}
        data = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        raise ExperimentError(_said(error, source)) from None
    except yaml.YAMLError as error:
        raise ExperimentError(f"{source}: not YAML: {error}") from None
    finally:
        loader.dispose()
    return YamlText(data, numbers)


def _said(error: yaml.MarkedYAMLError, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "unknown place"
    return f"{source}: not YAML, {where}: {' '.join(x for x in (error.context, error.problem) if x)}"


def _numbered(node: yaml.Node, path: Path, source: str) -> Iterator[tuple[Path, int]]:
    if path:
        yield path, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from _numbered(item, (*path, i), source)
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in first and name != "<<":
                raise ExperimentError(
                    f"{source}: line {line}, column {key.start_mark.column + 1}: {name!r} stands twice in one mapping "
                    f"(first on line {first[name]}); take one out"
                )
            first[name] = line
            yield from _numbered(value, (*path, name), source)
            yield (*path, name), line
