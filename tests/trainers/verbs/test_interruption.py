import io
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.tiny import run
from trainers.__main__ import main
from trainers.spec import TrialSpec
from trainers.verbs import evaluate
from trainers.verbs.interruption import interruption

Make = Callable[..., TrialSpec]


class Impatient(io.StringIO):
    """Standard output that sends a signal when the first measurement is printed."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self._number: signal.Signals | None = number

    def write(self, text: str) -> int:
        written = super().write(text)
        if '"measurement"' in text and self._number is not None:
            number, self._number = self._number, None
            signal.raise_signal(number)
        return written


def printed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def curve(messages: list[dict[str, Any]]) -> list[tuple[int, list[float]]]:
    measured = [m for m in messages if m["kind"] == "measurement"]
    return [(m["tokens"], [x["nll"] / x["tokens"] for x in m["losses"]]) for m in measured]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_trial_pauses_and_the_same_command_goes_on(
    number: signal.Signals,
    status: int,
    make_spec: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec(checkpoint_path=str(tmp_path / "own"))
    (tmp_path / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")
    with monkeypatch.context() as patch:
        out = Impatient(number)
        patch.setattr("sys.stdout", out)
        assert main([str(tmp_path / "spec.json")]) == status
    before = printed(out.getvalue())
    assert (before[-1]["state"], before[-1]["tokens"]) == ("paused", spec.evaluate_at[1])
    assert "the same command goes on" in capsys.readouterr().err
    assert main([str(tmp_path / "spec.json")]) == 0
    after = printed(capsys.readouterr().out)
    assert curve(before) + curve(after) == run(make_spec())[1].curve()


def test_without_a_folder_for_checkpoints_the_user_is_told(
    make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.json").write_text(make_spec().model_dump_json(), encoding="utf-8")
    monkeypatch.setattr("sys.stdout", Impatient(signal.SIGINT))
    assert main([str(tmp_path / "spec.json")]) == 130
    assert "without a checkpoint_path the trial will begin again" in capsys.readouterr().err


def test_the_second_signal_acts_as_before() -> None:
    with interruption("") as noted, pytest.raises(KeyboardInterrupt):
        assert noted.number == 0
        signal.raise_signal(signal.SIGINT)
        assert noted.number == signal.SIGINT
        signal.raise_signal(signal.SIGINT)


def test_an_ignored_signal_stays_ignored_and_all_are_given_back() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruption("") as noted:
            signal.raise_signal(signal.SIGINT)
        assert noted.number == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_other_verbs_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "run", stopped)
    assert main(["evaluate", "model", "corpus"]) == 130
