"""The command line, called in this process."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from sweeper.__main__ import main


@dataclass(frozen=True)
class Called:
    """What a call gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one object and nothing else."""
        value = json.loads(self.out, parse_constant=_refuse)
        assert isinstance(value, dict)
        return value


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def call(capsys: pytest.CaptureFixture[str], *words: object) -> Called:
    """Run one verb; argparse's own refusals count as their exit code."""
    try:
        code = main([str(word) for word in words])
    except SystemExit as end:
        code = int(end.code or 0)
    printed = capsys.readouterr()
    return Called(code, printed.out, printed.err)
