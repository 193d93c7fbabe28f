import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.trainers.tiny import LENGTH, VOCABULARY, Driver, run
from trainers.loop import run_trial
from trainers.messages import CONTINUE, Failure, Finished, Message, Progress, Verdict
from trainers.model.models import Model
from trainers.spec import TrialSpec

Make = Callable[..., TrialSpec]
STEP = 4 * LENGTH


def losses(driver: Driver) -> list[float]:
    return [loss for _, row in driver.curve() for loss in row]


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_bf16_stays_near_fp32(make_spec: Make, method: str) -> None:
    exact, rough = (losses(run(make_spec(method=method, precision=p))[1]) for p in ("fp32", "bf16"))
    assert rough == pytest.approx(exact, abs=0.02)
    assert rough != exact


def test_training_learns_what_there_is_to_learn(make_spec: Make) -> None:
    end, driver = run(make_spec(max_tokens=200 * STEP, evaluate_at=(STEP,), learning_rate=1e-2))
    assert isinstance(end, Finished)
    first, last = driver.measurements
    assert last.loss("code") < first.loss("code") - 1.0


@pytest.mark.parametrize("method", ["full", "lora"])
def test_micro_batches_do_not_change_the_curve(make_spec: Make, method: str) -> None:
    whole, parts = (
        run(make_spec(method=method, global_batch_size=8, micro_batch_size=m, evaluate_at=(512,)))[1] for m in (8, 3)
    )
    assert losses(parts) == pytest.approx(losses(whole), abs=1e-5)


def test_measurements_come_at_the_asked_tokens_and_at_the_end(make_spec: Make) -> None:
    end, driver = run(make_spec(evaluate_at=(4 * STEP - 1, 8 * STEP)))
    assert [m.tokens for m in driver.measurements] == [4 * STEP, 8 * STEP, 12 * STEP]
    assert [m.step for m in driver.measurements] == [4, 8, 12]
    assert isinstance(end, Finished)
    assert (end.state, end.tokens, end.workers, end.device) == ("completed", 12 * STEP, 1, "cpu")
    last = driver.measurements[-1]
    assert last.lr_fraction == pytest.approx(0, abs=1e-9)
    assert last.unique_tokens == {"general": 17 * LENGTH, "code": 31 * LENGTH}
    assert 4 * STEP < last.lr_area < 12 * STEP


def test_a_trial_of_no_tokens_measures_the_model_and_every_split(make_spec: Make) -> None:
    end, driver = run(make_spec(max_tokens=0, evaluate_at=(), mixture={}, evaluation_splits=("valid", "test")))
    (measurement,) = driver.measurements
    assert {(x.corpus, x.split) for x in measurement.losses} == {
        (c, s) for c in ("general", "code") for s in ("valid", "test")
    }
    assert measurement.tokens == measurement.lr_area == 0
    assert measurement.unique_tokens == {"general": 0, "code": 0}
    assert isinstance(end, Finished)
    assert (end.state, end.tokens) == ("completed", 0)


def test_the_test_split_is_measured_at_the_end_only(make_spec: Make) -> None:
    _, driver = run(make_spec(evaluation_splits=("valid", "test")))
    assert [{x.split for x in m.losses} for m in driver.measurements] == [{"valid"}, {"valid"}, {"valid", "test"}]


def test_a_stop_at_a_rung_ends_the_trial_there(make_spec: Make) -> None:
    end, driver = run(make_spec(rungs=(4 * STEP,)), {4 * STEP: "stop"})
    assert isinstance(end, Finished)
    assert (end.state, end.tokens) == ("stopped", 4 * STEP)
    assert len(driver.measurements) == 1


def test_a_stop_in_answer_to_progress_ends_the_trial_a_step_later(
    make_spec: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.progress.INTERVAL", 0.0)
    end = run_trial(make_spec(evaluate_at=()), lambda message: Verdict(action="stop"))
    assert isinstance(end, Finished)
    assert (end.state, end.tokens) == ("stopped", 2 * STEP)


def test_a_stop_at_the_last_measurement_finds_a_completed_trial(make_spec: Make) -> None:
    end, _ = run(make_spec(), {12 * STEP: "stop"})
    assert isinstance(end, Finished)
    assert end.state == "completed"


def test_progress_carries_rates_and_losses(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.progress.INTERVAL", 0.0)
    _, driver = run(make_spec())
    progress = [m for m in driver.messages if isinstance(m, Progress)]
    assert [m.tokens for m in progress] == [STEP * (i + 1) for i in range(12)]
    assert progress[1].learning_rate == pytest.approx(3e-3)
    assert all(m.grad_norm > 0 and m.tokens_per_second > 0 for m in progress)
    assert progress[0].train_loss == pytest.approx(math.log(VOCABULARY), abs=0.2)


def test_progress_is_quiet_in_between(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainers.progress.INTERVAL", 3600.0)
    _, driver = run(make_spec())
    assert not [m for m in driver.messages if isinstance(m, Progress)]


def test_a_learning_rate_far_too_high_is_a_divergence(make_spec: Make) -> None:
    end, _ = run(make_spec(learning_rate=300.0, max_tokens=60 * STEP, evaluate_at=(), schedule={}))
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable) == ("diverged", True)
    assert 0 < end.tokens < 60 * STEP


def test_a_lost_file_is_an_error_worth_another_attempt(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(self: Model, window: torch.Tensor) -> torch.Tensor:
        raise OSError("stale file handle")

    monkeypatch.setattr(Model, "nll", lost)
    end, _ = run(make_spec())
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable) == ("error", False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixture": {"law": 1.0}}, r"mixture: \['law'\] not among corpora"),
        ({"mixture": {"code": 0.5}}, "sum to 1"),
        ({"evaluate_at": (10**6,)}, "evaluate_at"),
    ],
)
def test_a_bad_spec_is_a_failure_that_would_repeat(make_spec: Make, changes: dict[str, Any], message: str) -> None:
    end, driver = run(make_spec(**changes))
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable, end.tokens) == ("bad_spec", True, 0)
    assert re.search(message, end.reason)
    assert not driver.messages


def test_an_error_of_the_driver_is_raised(make_spec: Make) -> None:
    def gone(message: Message) -> Verdict:
        raise ConnectionError("driver is gone")

    with pytest.raises(ConnectionError):
        run_trial(make_spec(), gone)


def test_a_trial_answered_with_continue_is_the_same_twice(make_spec: Make) -> None:
    assert CONTINUE.action == "continue"
    assert losses(run(make_spec())[1]) == losses(run(make_spec())[1])
