"""Hashes of files, remembered by path, size and time of change, so that a second look at large files is instant."""

import hashlib
import json
import os
import time
from pathlib import Path

RACY_NS = 2_000_000_000
"""A file changed this short ago may change again within the clock's grain; its hash is not remembered."""


class FileHashes:
    """SHA-256 of files, with a memory in `CACHE/hashes.json`. Losing the memory costs time only."""

    def __init__(self, cache: Path) -> None:
        self._memory = cache / "hashes.json"
        self._known: dict[str, list[object]] = _read(self._memory)
        self._new: dict[str, list[object]] = {}

    def of(self, path: Path) -> str:
        """The hexadecimal hash of a file's bytes."""
        real = path.resolve()
        stat = real.stat()
        stamp: list[object] = [stat.st_size, stat.st_mtime_ns]
        known = self._known.get(str(real))
        if known and known[:2] == stamp:
            return str(known[2])
        with real.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
        if time.time_ns() - stat.st_mtime_ns > RACY_NS:
            self._new[str(real)] = self._known[str(real)] = [*stamp, digest]
        return digest

    def recall(self, key: str) -> str | None:
        """What was remembered under a key that is not a file."""
        known = self._known.get(key)
        return str(known[0]) if known else None

    def remember(self, key: str, value: str) -> None:
        """Remember a value under a key that is not a file."""
        self._new[key] = self._known[key] = [value]

    def save(self) -> None:
        """Write what is new, beside what others wrote meanwhile."""
        if not self._new:
            return
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._memory.with_name(f"{self._memory.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps({**_read(self._memory), **self._new}), encoding="utf-8")
        temporary.replace(self._memory)
        self._new = {}


def _read(path: Path) -> dict[str, list[object]]:
    if not path.is_file():
        return {}
    data = json.loads(path.read_text(encoding="utf-8"))
    return {str(key): list(value) for key, value in data.items()}


def digest_of(content: object) -> str:
    """Sixteen hexadecimal digits over plain data (numbers, strings, lists, dictionaries)."""
    payload = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(payload.encode()).hexdigest()[:16]
