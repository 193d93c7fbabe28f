"""`builtin:docs`: the English prose in the docstrings of the packages that the sweeper itself needs.

Every installation has this text, so the quickstart needs no network. A document is the prose of one module. Docstrings
are found by a regular expression and not by a parser: 160 MB of source take 4 s in place of 36 s.
"""

import hashlib
import importlib.metadata
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from sweeper.corpora.documents import Document

EXTRACTOR_VERSION = 1
DEFAULT_BYTES = 8_000_000
PACKAGES = {
    "bitsandbytes": "bitsandbytes",
    "datasets": "datasets",
    "filelock": "filelock",
    "mlflow": "mlflow",
    "numpy": "numpy",
    "optuna": "optuna",
    "peft": "peft",
    "psutil": "psutil",
    "pyarrow": "pyarrow",
    "pydantic": "pydantic",
    "pyyaml": "yaml",
    "ray": "ray",
    "rich": "rich",
    "torch": "torch",
    "transformers": "transformers",
    "zstandard": "zstandard",
}
"""Distribution -> import name. Core dependencies only, so that extras change nothing; plotly's are generated."""

_DOCSTRING = re.compile(
    r"(?:\A(?:[ \t]*(?:#[^\n]*)?\n)*|:[ \t]*(?:#[^\n]*)?\n\s*)"  # start of the file, or a line that ends in a colon
    r"[rR]?(\"\"\"|''')(.*?)\1",
    re.DOTALL,
)
_NOT_PROSE = re.compile(r">>>|```|\||::|^\.\. |\\|[{}<>]|__|:class:|https?:|^Copyright|[Ll]icense")
_LEFT_OUT = {"test", "tests", "testing", "_vendor", "thirdparty_files", "generated", "proto", "protos"}
_MAX_FILE_BYTES = 1_000_000
"""Larger modules are generated tables."""


def identity(max_bytes: int) -> list[object]:
    """What decides the text: packages with their versions, extractor and cap. Needs no parsing."""
    versions = [[name, importlib.metadata.version(name)] for name in sorted(PACKAGES)]
    return ["builtin:docs", EXTRACTOR_VERSION, max_bytes, versions]


def documents(max_bytes: int) -> Iterator[Document]:
    """Prose of module after module, until `max_bytes` of it are read; a paragraph seen before is left out."""
    seen: set[bytes] = set()
    total = 0
    for _, path in _modules():
        text = "\n".join(_unseen(prose(path.read_text(encoding="utf-8", errors="replace")), seen))
        if not text:
            continue
        size = len(text.encode("utf-8"))
        total += size
        yield Document(text, size, total)
        if total >= max_bytes:
            return


def _modules() -> list[tuple[bytes, Path]]:
    """All modules in the order of a hash of their names, so that a cap takes some of every package."""
    found = []
    for name in PACKAGES.values():
        spec = importlib.util.find_spec(name)
        for root in (spec.submodule_search_locations or []) if spec else []:
            files = ((f, f.relative_to(root)) for f in Path(root).rglob("*.py"))
            found += [(_order(name, inner), f) for f, inner in files if _wanted(f, inner)]
    return sorted(found)


def _order(package: str, inner: Path) -> bytes:
    return hashlib.sha256(f"{package}/{inner.as_posix()}".encode()).digest()


def _wanted(file: Path, inner: Path) -> bool:
    hidden = _LEFT_OUT.intersection(inner.parts) or inner.name.startswith("test_") or inner.name.endswith("_pb2.py")
    return not hidden and file.stat().st_size <= _MAX_FILE_BYTES


def _unseen(paragraphs: Iterator[str], seen: set[bytes]) -> Iterator[str]:
    for paragraph in paragraphs:
        key = hashlib.blake2b(paragraph.encode("utf-8"), digest_size=8).digest()
        if key not in seen:
            seen.add(key)
            yield paragraph


def prose(source: str) -> Iterator[str]:
    """The English paragraphs of a module's docstrings, each on one line."""
    for _, docstring in _DOCSTRING.findall(source):
        for lines in _runs(inspect.cleandoc(docstring)):
            paragraph = " ".join(line.strip() for line in lines)
            if _is_prose(paragraph):
                yield paragraph


def _runs(docstring: str) -> Iterator[list[str]]:
    """Neighbouring lines of one indentation: the description below a parameter is apart from its name and type."""
    held: list[str] = []
    indentation = 0
    for line in docstring.split("\n"):
        depth = len(line) - len(line.lstrip())
        if held and (not line.strip() or depth != indentation):
            yield held
            held = []
        if line.strip():
            held.append(line)
            indentation = depth
    if held:
        yield held


def _is_prose(paragraph: str) -> bool:
    """Sentences: a capital first, punctuation last, hardly anything but letters and spaces, no markup or code."""
    if len(paragraph) < 50 or not paragraph[0].isupper() or paragraph[-1] not in ".!?:":
        return False
    letters = sum(c.isalpha() or c == " " for c in paragraph)
    return letters >= 0.9 * len(paragraph) and not _NOT_PROSE.search(paragraph)
