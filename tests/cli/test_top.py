import argparse
import subprocess
import sys

import pytest

from sweeper.cli.top import guarded, print_json
from sweeper.errors import SweeperError
from sweeper.laws import LawError
from sweeper.pipeline.session import PhaseError
from trainers.errors import TrainerError


def run(error: BaseException) -> int:
    def verb(arguments: argparse.Namespace) -> int:
        raise error

    return guarded(argparse.Namespace(verb=verb), "run 'my file.yaml' --json")


@pytest.mark.parametrize(
    ("error", "code"), [(SweeperError("a"), 2), (LawError("a"), 2), (TrainerError("a"), 2), (PhaseError("a"), 1)]
)
def test_errors_for_people_are_one_line(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(error) == code
    assert capsys.readouterr() == ("", "error: a\n")


def test_our_own_mistakes_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError())


def test_an_interrupt_says_how_to_continue(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(KeyboardInterrupt()) == 130
    assert "Continue with: python -m sweeper run 'my file.yaml' --json\n" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_error() -> None:
    assert run(BrokenPipeError()) == 0


def test_json_has_no_word_that_json_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"stderr": float("nan")})
    assert capsys.readouterr().out == '{\n "stderr": null\n}\n'


def test_an_interrupted_process_ends_at_once_with_all_that_it_said() -> None:
    code = (
        "import atexit, os, time\n"
        "from sweeper import __main__ as program\n"
        "from sweeper.cli import top\n"
        "atexit.register(time.sleep, 60)  # as libraries do that take long to unload\n"
        "def interrupted(arguments):\n"
        "    print('said')\n"
        "    raise KeyboardInterrupt\n"
        "program.build_parser = lambda: type('Parser', (), {'parse_args': lambda self, words:"
        " type('Arguments', (), {'verb': staticmethod(interrupted)})()})()\n"
        "program.script()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 130
    assert ended.stdout == "said\n"
    assert "interrupted; nothing is lost" in ended.stderr
