import re
from pathlib import Path

import pytest

from sweeper.cli.parser import QUICKSTART, build_parser
from tests.cli.call import call

CALLS = {
    "init": ["--model", "m", "--general", "g", "--domain", "d", "--tokens", "2M"],
    "prepare": ["e.yaml"],
    "plan": ["e.yaml", "--json"],
    "run": ["e.yaml", "--output", "out", "--address", "auto", "--no-confirm", "--json"],
    "fit": ["table.csv", "--law", "dcpt", "--target", "code", "--method", "full", "--bootstrap", "10"],
    "predict": ["laws.json", "--points", "points.csv", "--level", "0.5", "--mean"],
    "recommend": ["laws.json", "--tokens", "2M", "--max-increase", "0.05", "--confidence", "0.9"],
    "confirm": ["e.yaml", "--address", "auto"],
    "report": ["e.yaml"],
    "doctor": ["--address", "auto", "--json"],
}


@pytest.mark.parametrize("verb", CALLS)
def test_every_verb_parses_and_has_a_function(verb: str) -> None:
    arguments = build_parser().parse_args([verb, *CALLS[verb]])
    assert callable(arguments.verb)


@pytest.mark.parametrize("verb", CALLS)
def test_every_verb_is_named_in_the_help_and_has_its_own(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(rf"^    {verb}\b", call(capsys, "--help").out, re.MULTILINE)
    assert call(capsys, verb, "--help").out.startswith(f"usage: python -m sweeper {verb}")


@pytest.mark.parametrize("verb", ["prepare", "plan", "run", "confirm", "report"])
def test_without_an_argument_the_quickstart_is_meant(verb: str) -> None:
    assert build_parser().parse_args([verb]).experiment == QUICKSTART
    assert (Path(__file__).parents[2] / QUICKSTART).is_file()


def test_confirm_and_report_go_to_the_confirming_run() -> None:
    assert not any(build_parser().parse_args([verb]).no_confirm for verb in ("run", "confirm", "report"))


@pytest.mark.parametrize("words", [[], ["swim"], ["run", "--jason"], ["recommend", "laws.json"]])
def test_what_is_no_verb_or_option_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    called = call(capsys, *words)
    assert called.code == 2
    assert "usage:" in called.err
