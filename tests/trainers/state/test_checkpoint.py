import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers.tiny import LENGTH, Driver, run
from trainers.loop import run_and_keep, run_trial
from trainers.messages import Finished, Measurement, Message, Progress, Resumed, Trouble, Verdict
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


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip, cut])
def test_where_the_newest_checkpoint_is_damaged_the_one_before_it_serves_and_the_driver_is_told(
    make_spec: Make, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    _, straight = run(make_spec())
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=0)
    run(spec, {8 * STEP: "pause"})
    _, newest = sorted((tmp_path / "c").iterdir())
    damage(newest)
    ended, driver = run(spec)
    (resumed,) = [message for message in driver.messages if isinstance(message, Resumed)]
    assert (resumed.tokens, resumed.passed_over) == (4 * STEP, (newest.name,))
    assert [(m.tokens, [x.loss for x in m.losses]) for m in resumed.measurements] == straight.curve()[:1]
    assert driver.curve() == straight.curve()[1:]
    assert isinstance(ended, Finished)


def test_what_was_measured_is_told_again_by_a_trial_that_goes_on(make_spec: Make, tmp_path: Path) -> None:
    """Whoever was told may have died before it wrote that down."""
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=0)
    _, first = run(spec, {8 * STEP: "pause"})
    _, second = run(spec)
    resumed = second.messages[0]
    assert isinstance(resumed, Resumed)
    assert list(resumed.measurements) == first.measurements
    assert resumed.tokens == 8 * STEP


def test_a_trial_that_is_over_keeps_its_checkpoints_where_its_end_is_still_to_be_written_down(
    make_spec: Make, tmp_path: Path
) -> None:
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=0)
    first, again = Driver(), Driver()
    assert isinstance(run_and_keep(spec, first), Finished)
    end = run_and_keep(spec, again)
    assert isinstance(end, Finished)
    assert (end.state, again.curve()) == ("completed", first.curve()[-1:])


def test_a_disk_that_is_full_costs_a_checkpoint_and_no_result(
    make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    _, straight = run(make_spec())
    monkeypatch.setattr(torch, "save", full)
    spec = make_spec(checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=0)
    ended, driver = run(spec)
    assert isinstance(ended, Finished)
    assert ended.state == "completed"
    assert driver.curve() == straight.curve()
    troubles = [message.reason for message in driver.messages if isinstance(message, Trouble)]
    assert troubles
    assert all("No space left on device" in reason for reason in troubles)
    assert not list(tmp_path.glob("c/*"))


def test_a_pause_that_cannot_be_written_down_is_a_pause_all_the_same(
    make_spec: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, straight = run(make_spec())
    spec = make_spec(checkpoint_path=str(tmp_path / "c"))
    (tmp_path / "c").write_text("a file where a folder is needed")
    monkeypatch.setattr("trainers.loop.refuse_unusable_folders", lambda spec: None)
    paused, driver = run(spec, {4 * STEP: "pause"})
    assert isinstance(paused, Finished)
    assert paused.state == "paused"
    assert isinstance(driver.messages[-1], Trouble)
    (tmp_path / "c").unlink()
    assert run(spec)[1].curve() == straight.curve()


def test_a_damaged_checkpoint_is_ignored_and_the_log_says_so(
    make_spec: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, straight = run(make_spec())
    spec = make_spec(checkpoint_path=str(tmp_path / "c"))
    run(spec, {4 * STEP: "pause"})
    (file,) = (tmp_path / "c").iterdir()
    flip(file)
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
