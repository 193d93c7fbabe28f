"""What checks find."""

from collections.abc import Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing to mend, and where."""

    path: Path
    message: str


def listed(names: Sequence[object]) -> str:
    """Names as the file has them: `'lora', 'qlora'`."""
    return ", ".join(repr(name) for name in names)
