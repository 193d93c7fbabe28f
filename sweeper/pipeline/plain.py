"""JSON that every reader takes: what is not a number is null."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def json_text(value: object) -> str:
    """Indented JSON; NaN and infinities, which JSON does not have, become null, and paths text."""
    return json.dumps(_plain(value), indent=1, allow_nan=False)


def write_json(path: Path, value: object) -> None:
    """Write JSON in one step; a file that says the same already is left as it is."""
    text = json_text(value) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write a file in one step: whoever reads it finds the old text or the new, never half of one."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value
