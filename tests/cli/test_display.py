from pathlib import Path

import pytest

from sweeper.cli import display
from sweeper.cli.display import Display
from sweeper.pipeline.plan import make_plan
from tests.pipeline.made_up import experiment, inputs
from tests.trial_records import measurement, record, spec
from trainers.messages import Progress

Capture = pytest.CaptureFixture[str]


def progress(tokens: int) -> Progress:
    return Progress(tokens=tokens, train_loss=3.0, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=1500.0)


def test_one_line_says_what_goes_on() -> None:
    shown = Display("code")
    shown.phase("search", 12)
    done, cut, runs = (record(spec(seed=n), [measurement(2048, 3.0, 4.0 - n)]) for n in range(3))
    for trial in (done, cut, runs):
        shown.trial_started(trial)
    shown.measured(done, done.measurements[0])
    cut.state = "pruned"
    shown.trial_ended(done)
    shown.trial_ended(cut)
    shown.progress(runs, progress(1024))
    assert shown.status().endswith(
        "search, 2/12 trials done, 1 running, 1 pruned, 1,500 tokens/s, best code loss 4.000"
    )


def test_a_paused_trial_is_not_done_and_runs_again_as_one() -> None:
    shown = Display("code")
    shown.phase("search", 12)
    trial = record(spec(), [measurement(1024, 3.0, 4.0)])
    shown.trial_started(trial)
    shown.progress(trial, progress(1024))
    trial.state = "paused"
    shown.trial_ended(trial)
    assert "0/12 trials done, 0 running, 1 paused" in shown.status()
    shown.trial_started(trial)
    assert "0/12 trials done, 1 running" in shown.status() and "paused" not in shown.status()


def test_the_time_to_go_falls_with_the_work(tmp_path: Path) -> None:
    asked, shown = experiment(), Display("code")
    plan = make_plan(asked, inputs(asked, tmp_path), [], lanes=2, gpu=False)
    assert shown.seconds_left() is None
    shown.planned(plan)
    trial = record(spec(), [measurement(2048, 3.0, 4.0)])
    shown.trial_started(trial)
    assert shown.seconds_left() == plan.seconds  # nothing measured yet
    shown._work_done = {"all": sum(phase.left for phase in plan.phases)}
    assert shown.seconds_left() == 0


def test_piped_output_is_plain_lines_now_and_then(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "PLAIN_SECONDS", 0.0)
    with Display("code") as shown:
        shown.phase("law", 9)
        shown.say("plain [words] stay")
        shown.progress(record(spec(), []), progress(10))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[0].endswith("law: 9 trials")
    assert printed.err.splitlines()[1].endswith("plain [words] stay")
    assert "1,500 tokens/s" in printed.err.splitlines()[2]
    assert "\x1b" not in printed.err


def test_quiet_says_nothing(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "PLAIN_SECONDS", 0.0)
    with Display("code", quiet=True) as shown:
        shown.phase("law", 9)
        shown.say("words")
        shown.progress(record(spec(), []), progress(10))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("reason", "words"), [("error: a\n  b\nValueError: c\n", "ValueError: c"), ("", "failed:")])
def test_a_failure_is_said_with_its_last_line(reason: str, words: str, capsys: Capture) -> None:
    trial = record(spec(), [], "failed")
    trial.reason = reason
    Display("code").trial_ended(trial)
    assert words in capsys.readouterr().err


def test_what_is_spent_of_a_budget_is_said() -> None:
    shown = Display("code")
    shown.bounded(lambda: "3M of 20M tokens spent")
    assert "3M of 20M tokens spent" in shown.status()
