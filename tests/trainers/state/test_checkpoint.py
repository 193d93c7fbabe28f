import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers.tiny import LENGTH, Driver, run
from trainers.loop import run_trial
from trainers.messages import Finished, Measurement, Message, Progress, Verdict
from trainers.spec import TrialSpec
from trainers.state import checkpoint

STEP = 4 * LENGTH
Make = Callable[..., TrialSpec]
METHODS = [
    {"method": "full"},
    {"method": "lora", "lora": {"r": 4, "alpha": 8.0, "dropout": 0.2}, "learning_rate": 2e-2},
    {"method": "qlora", "learning_rate": 2e-2},
]


@pytest.mark.parametrize("changes", METHODS, ids=["full", "lora with dropout", "qlora"])
def test_a_paused_trial_goes_on_bit_for_bit(make_spec: Make, tmp_path: Path, changes: dict[str, Any]) -> None:
    _, straight = run(make_spec(**changes))
    spec = make_spec(**changes, checkpoint_path=str(tmp_path / "c"))
    paused, first = run(spec, {4 * STEP: "pause"})
    assert isinstance(paused, Finished)
    assert (paused.state, paused.tokens) == ("paused", 4 * STEP)
    ended, second = run(spec)
    assert isinstance(ended, Finished)
    assert ended.state == "completed"
    assert first.curve() + second.curve() == straight.curve()


def test_a_pause_between_evaluations_goes_on_bit_for_bit(
    make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, straight = run(make_spec())
    monkeypatch.setattr("trainers.progress.INTERVAL", 0.0)
    spec = make_spec(checkpoint_path=str(tmp_path / "c"))

    def pause_at_once(message: Message) -> Verdict:
        return Verdict(action="pause" if isinstance(message, Progress) else "continue")

    paused = run_trial(spec, pause_at_once)
    assert isinstance(paused, Finished)
    assert (paused.state, paused.tokens) == ("paused", 2 * STEP)
    assert run(spec)[1].curve() == straight.curve()


def test_a_trial_paused_before_its_first_step_begins_again(make_spec: Make, tmp_path: Path) -> None:
    """There is nothing to keep yet, and a sharded checkpoint without an optimiser's state could not be read."""
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), evaluate_at=(0,))
    paused, first = run(spec, {0: "pause"})
    assert isinstance(paused, Finished)
    assert (paused.state, paused.tokens) == ("paused", 0)
    assert not (tmp_path / "c").exists()
    ended, second = run(spec)
    assert isinstance(ended, Finished)
    assert second.curve()[0] == first.curve()[0]


class Crash(Exception):
    """Stands for a process that is killed."""


class Crashing(Driver):
    """Dies when it hears of so many tokens."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self._tokens = tokens

    def __call__(self, message: Message) -> Verdict:
        if isinstance(message, Measurement) and message.tokens >= self._tokens:
            raise Crash
        return super().__call__(message)


def test_a_killed_trial_goes_on_from_its_last_evaluation(make_spec: Make, tmp_path: Path) -> None:
    _, straight = run(make_spec())
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=0)
    with pytest.raises(Crash):
        run_trial(spec, Crashing(8 * STEP))
    _, rest = run(spec)
    assert rest.curve() == straight.curve()[1:]


def test_a_young_checkpoint_is_not_written_again(make_spec: Make, tmp_path: Path) -> None:
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=1000)
    with pytest.raises(Crash):
        run_trial(spec, Crashing(8 * STEP))
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("verdicts", [{}, {8 * STEP: "stop"}], ids=["completed", "stopped"])
def test_checkpoints_go_when_the_trial_ends(make_spec: Make, tmp_path: Path, verdicts: dict[int, str]) -> None:
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=0)
    assert run(spec, {4 * STEP: "pause"})[0].tokens == 4 * STEP
    assert len(list((tmp_path / "c").iterdir())) == 1
    run(spec, verdicts)
    assert not (tmp_path / "c").exists()


def test_a_damaged_checkpoint_is_ignored_and_the_log_says_so(
    make_spec: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, straight = run(make_spec())
    spec = make_spec(checkpoint_path=str(tmp_path / "c"))
    run(spec, {4 * STEP: "pause"})
    (file,) = (tmp_path / "c").iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING, "trainers"):
        _, again = run(spec)
    assert "is damaged" in caplog.text
    assert again.curve() == straight.curve()


def test_a_checkpoint_of_another_trial_is_ignored(
    make_spec: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(make_spec(checkpoint_path=str(tmp_path / "c")), {4 * STEP: "pause"})
    with caplog.at_level(logging.WARNING, "trainers"):
        _, other = run(make_spec(seed=9, checkpoint_path=str(tmp_path / "c")))
    assert "belongs to trial" in caplog.text
    assert other.measurements[0].tokens == 4 * STEP


def test_adapters_alone_are_in_the_checkpoint_of_an_adapter_trial(make_spec: Make, tmp_path: Path) -> None:
    spec = make_spec(method="qlora", checkpoint_path=str(tmp_path / "c"))
    run(spec, {4 * STEP: "pause"})
    state = checkpoint.load(tmp_path / "c", spec.id, torch.device("cpu"))
    assert state is not None
    assert state["step"] == 4
    assert all("lora_" in name for name in state["model"])


def test_a_pause_without_a_folder_begins_again(make_spec: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "trainers"):
        end, first = run(make_spec(), {4 * STEP: "pause"})
    assert isinstance(end, Finished)
    assert end.state == "paused"
    assert "will begin again" in caplog.text
    assert run(make_spec())[1].curve()[0] == first.curve()[0]
