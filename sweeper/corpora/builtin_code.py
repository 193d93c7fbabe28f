"""`builtin:code`: the Python standard library's source without docstrings and comments, a document a file."""

import ast
import os
import platform
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from sweeper.corpora.documents import Document

EXTRACTOR_VERSION = 1
DEFAULT_BYTES = 8_000_000

_LEFT_OUT = {
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "distutils"),  # not everywhere
    *("site-packages", "dist-packages"),  # not the standard library
    *("pydoc_data", "encodings"),  # prose and tables
}
_STRING_OR_COMMENT = re.compile(
    r"""([rRbBfFuU]{0,2}(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))|[ \t]*\#[^\n]*""",
    re.DOTALL,
)
"""Strings are matched so that a # inside one is not taken for a comment."""
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def identity(max_bytes: int) -> list[object]:
    """What decides the text: Python's version, which files there are and how long, extractor and cap."""
    files = [[name, path.stat().st_size] for name, path in _modules()]
    return ["builtin:code", EXTRACTOR_VERSION, max_bytes, platform.python_version(), files]


def documents(max_bytes: int) -> Iterator[Document]:
    """Module after module in the order of their names, until `max_bytes` are read."""
    total = 0
    for _, path in _modules():
        text = bare_code(path.read_text(encoding="utf-8", errors="replace"))
        if not text:
            continue
        size = len(text.encode("utf-8"))
        total += size
        yield Document(text, size, total)
        if total >= max_bytes:
            return


def _modules() -> list[tuple[str, Path]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    found: list[tuple[str, Path]] = []
    for folder, below, names in os.walk(root):
        # Not walked into: site-packages below it may hold thousands of folders.
        below[:] = [name for name in below if name not in _LEFT_OUT]
        # _sysconfigdata_*.py holds the machine's compiler flags.
        modules = (name for name in names if name.endswith(".py") and not name.startswith("_sysconfigdata"))
        found += [((path := Path(folder, name)).relative_to(root).as_posix(), path) for name in modules]
    return sorted(found)


def bare_code(source: str) -> str:
    """Source without comments and docstrings; empty where nothing else is left."""
    source = _STRING_OR_COMMENT.sub(lambda match: match.group(1) or "", source)
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Documented):
            _blank_docstring(node, lines)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
    return text and text + "\n"


def _blank_docstring(node: Documented, lines: list[str]) -> None:
    """Empty the docstring's lines, leaving `pass` where a body has nothing else."""
    first = node.body[0] if node.body else None
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return
    if not isinstance(first.value.value, str) or first.end_lineno is None:
        return
    start, end = first.lineno - 1, first.end_lineno - 1
    after = lines[end].encode("utf-8")[first.end_col_offset :].decode("utf-8").lstrip(" ;")
    before = lines[start].encode("utf-8")[: first.col_offset].decode("utf-8")
    lines[start : end + 1] = [""] * (end + 1 - start)
    alone = len(node.body) == 1 and not isinstance(node, ast.Module)
    lines[start] = before + ("pass" if alone else after)
