import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainers.tiny import CONFIG, LENGTH, VOCABULARY, Driver, run
from trainers.loop import run_trial
from trainers.messages import CONTINUE, Failure, Finished, Message, Progress, Verdict
from trainers.mixture import Mixture
from trainers.models import Model
from trainers.packed import PackedCorpus
from trainers.spec import TrialSpec
from trainers.windows import Windows

Make = Callable[..., TrialSpec]
STEP = 4 * LENGTH


def losses(driver: Driver) -> list[float]:
    return [loss for _, row in driver.curve() for loss in row]


def plain_loop(spec: TrialSpec, model: Any, decay: float = 0.1) -> list[float]:
    """A trial of 12 steps as one would write it by hand; the training loss of each step."""
    corpora = {ref.name: PackedCorpus(ref.path)["train"] for ref in spec.corpora}
    mixture = Mixture(spec.seed, spec.mixture, {k: c.n_blocks(LENGTH) for k, c in corpora.items()}, 12 * 4)
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.dim() > 1], "weight_decay": decay},
        {"params": [p for p in trainable if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], betas=(0.9, 0.95))
    history = []
    for step in range(12):
        blocks = [mixture.block(4 * step + i) for i in range(4)]
        window = torch.tensor(np.stack([corpora[name].window(index, LENGTH) for name, index in blocks]))
        logits = model(input_ids=window[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), window[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trainable, spec.max_grad_norm)
        rate = (step + 1) / 2 if step < 2 else 0.5 * (1 + math.cos(math.pi * (step - 2) / 10))
        for group in optimizer.param_groups:
            group["lr"] = spec.learning_rate * rate
        optimizer.step()
        history.append(loss.item())
    return history


def train_losses(spec: TrialSpec, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr("trainers.progress.INTERVAL", 0.0)
    _, driver = run(spec)
    return [m.train_loss for m in driver.messages if isinstance(m, Progress)]


def test_full_training_follows_a_plain_pytorch_loop(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    spec = make_spec(max_grad_norm=0.3)  # below the norms that come
    torch.manual_seed(spec.seed)
    options = {k: v for k, v in CONFIG.items() if k != "model_type"}
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model("llama", **options))
    assert train_losses(spec, monkeypatch) == pytest.approx(plain_loop(spec, model), abs=1e-5)


def test_qlora_follows_peft_and_bitsandbytes_by_hand(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import peft
    import transformers

    spec = make_spec(method="qlora", learning_rate=3e-2)
    nf4 = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype="float32"
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(
        spec.model.path, quantization_config=nf4, dtype=torch.float32
    )
    torch.manual_seed(spec.seed)
    model = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")).train()
    expected = plain_loop(spec, model)
    assert train_losses(spec, monkeypatch) == pytest.approx(expected, abs=1e-5)
    untrained = train_losses(make_spec(method="qlora", learning_rate=1e-12), monkeypatch)
    assert np.abs(np.subtract(untrained, expected)).max() > 0.02


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


def test_running_out_of_memory_is_a_failure_with_its_cause(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: Model, windows: Windows) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore")

    monkeypatch.setattr(Model, "total_nll", explode)
    end, _ = run(make_spec())
    assert end == Failure(
        cause="out_of_memory",
        reason="OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        tokens=STEP,
        repeatable=True,
    )


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
