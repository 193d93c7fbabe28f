"""One way to any source: its documents, its identity and about how long it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sweeper.corpora import builtin_code, builtin_docs, hub
from sweeper.corpora.documents import BadDocument, Document, Item
from sweeper.corpora.errors import CorpusError
from sweeper.corpora.files import expand, kind_of
from sweeper.corpora.hashes import FileHashes
from sweeper.corpora.readers import read_file
from sweeper.corpora.source import Parts, parts


class Builtin(Protocol):
    """What each module of built-in text offers."""

    DEFAULT_BYTES: int
    """The cap where the corpus gives none."""

    def identity(self, max_bytes: int) -> list[object]:
        """What decides the text, without reading it."""

    def documents(self, max_bytes: int) -> Iterator[Document]:
        """The documents in order."""


BUILTIN: dict[str, Builtin] = {"builtin:docs": builtin_docs, "builtin:code": builtin_code}
_GROWTH = {"gz": 3.0, "zst": 3.5, "parquet": 2.0}
"""Bytes of text in a byte of file, roughly, for estimates."""


def read(source: Parts, field: str, text_field: str, max_bytes: int | None) -> Iterator[Item]:
    """The documents of a source in order, until they hold `max_bytes` of text (the one that reaches it is the last).

    Args:
        source: one or several sources.
        field: which field of the corpus this is: `source`, `valid` or `test`.
        text_field: field or column of the text.
        max_bytes: None reads all.
    """
    total = 0
    for item in _shifted(source, field, text_field, max_bytes):
        yield item
        total += item.size if isinstance(item, Document) else 0
        if max_bytes is not None and total >= max_bytes:
            return


def _shifted(source: Parts, field: str, text_field: str, max_bytes: int | None) -> Iterator[Item]:
    """All parts, with positions that go on from part to part."""
    before = 0
    for items, size in _parts(source, field, text_field, max_bytes):
        for item in items:
            yield item if isinstance(item, BadDocument) else Document(item.text, item.size, before + item.position)
        before += size


def _parts(source: Parts, field: str, text_field: str, max_bytes: int | None) -> Iterator[tuple[Iterator[Item], int]]:
    for part in parts(source):
        if part.startswith("builtin:"):
            builtin, cap = _builtin(part), max_bytes or _builtin(part).DEFAULT_BYTES
            yield builtin.documents(cap), cap
        elif part.startswith("hf:"):
            yield hub.documents(part, field, text_field), 0
        else:
            for path in expand(part):
                yield read_file(path, text_field), path.stat().st_size


def identity(source: Parts, field: str, max_bytes: int | None, hashes: FileHashes) -> list[object]:
    """What decides the bytes of a source: never where it lies or what its files are called."""
    return [_identity(part, field, max_bytes, hashes) for part in parts(source)]


def _identity(part: str, field: str, max_bytes: int | None, hashes: FileHashes) -> object:
    if part.startswith("builtin:"):
        builtin = _builtin(part)
        return builtin.identity(max_bytes or builtin.DEFAULT_BYTES)
    if part.startswith("hf:"):
        return _hub_identity(part, field, hashes)
    return [[kind_of(path), hashes.of(path)] for path in expand(part)]


def _hub_identity(part: str, field: str, hashes: FileHashes) -> object:
    """Remembered for good after the first load: asking the hub again needs a network, and plans must not."""
    key = f"{part}[{hub.HUB_SPLITS[field]}]"
    known = hashes.recall(key)
    if known is None:
        known = hub.content_of(part, field)
        hashes.remember(key, known)
    return ["hf", known]


def length(source: Parts, max_bytes: int | None) -> int | None:
    """The highest position that reading reaches, None where nobody knows before."""
    sizes = [_part_length(part, max_bytes) for part in parts(source)]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _part_length(part: str, max_bytes: int | None) -> int | None:
    if part.startswith("builtin:"):
        return max_bytes or _builtin(part).DEFAULT_BYTES
    return None if part.startswith("hf:") else sum(path.stat().st_size for path in expand(part))


def estimated_bytes(source: Parts, max_bytes: int | None) -> int | None:
    """About how many bytes of text a source holds, None where nobody knows before."""
    total = 0.0
    for part in parts(source):
        size = _part_length(part, max_bytes)
        if size is None:
            return max_bytes
        total += size if part.startswith("builtin:") else sum(_grown(path) for path in expand(part))
    return int(total) if max_bytes is None else min(int(total), max_bytes)


def _grown(path: Path) -> float:
    kind = kind_of(path) or ("", "")
    return path.stat().st_size * max(_GROWTH.get(kind[0], 1.0), _GROWTH.get(kind[1], 1.0))


def _builtin(part: str) -> Builtin:
    if part not in BUILTIN:
        raise CorpusError(f"source: there is no {part!r}; built in are {', '.join(BUILTIN)}")
    return BUILTIN[part]
