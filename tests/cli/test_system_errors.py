import argparse
import errno
import os
from collections.abc import Callable

import pytest

from sweeper.cli.system_errors import ADVICE
from sweeper.cli.top import guarded


def verb(error: Exception) -> Callable[[argparse.Namespace], int]:
    def run(_: argparse.Namespace) -> int:
        raise error

    return run


@pytest.mark.parametrize("number", sorted(ADVICE))
def test_what_the_system_refuses_is_said_with_the_file_and_what_to_do(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    error = OSError(number, os.strerror(number), "/runs/out/trials/a.json")
    assert guarded(argparse.Namespace(verb=verb(error)), "run") == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: /runs/out/trials/a.json: {os.strerror(number)}; ")
    assert said.endswith("then the same command goes on from what is written\n")


def test_a_write_that_does_not_know_its_file_names_the_output_folder(capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert guarded(argparse.Namespace(verb=verb(error), output="/runs/out"), "run") == 2
    assert "error: /runs/out: No space left on device; free some space there" in capsys.readouterr().err


def test_what_says_nothing_to_a_user_keeps_its_traceback() -> None:
    with pytest.raises(OSError, match="Broken"):
        guarded(argparse.Namespace(verb=verb(OSError(errno.EBADF, "Broken"))), "run")
