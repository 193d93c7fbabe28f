import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainers.tiny import CONFIG, LENGTH, run, write_corpus
from trainers.messages import Failure, Finished
from trainers.model import models
from trainers.model.models import Model
from trainers.spec import CorpusRef, TrialSpec
from trainers.steps.out_of_memory import half_micro_batch, most_at_once
from trainers.tokens.windows import Windows
from trainers.workers.ranks import is_out_of_memory

Make = Callable[..., TrialSpec]
STEP = 4 * LENGTH
TOTAL_NLL, NLL = Model.total_nll, Model.nll


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Lets only so many windows at once through the model, from some pass on; returns how many went each time."""

    def make(at_once: int, method: str = "total_nll", after: int = 0) -> list[int]:
        sizes: list[int] = []
        plain = {"total_nll": TOTAL_NLL, "nll": NLL}[method]

        def narrow(self: Model, windows: Windows) -> torch.Tensor:
            if len(windows.tokens) > at_once and len(sizes) >= after:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nmore")
            sizes.append(len(windows.tokens))
            return plain(self, windows)

        monkeypatch.setattr(Model, method, narrow)
        return sizes

    return make


def test_the_failure_says_what_the_trial_did_the_peak_and_the_batch(make_spec: Make, room: Any) -> None:
    room(2)
    end, _ = run(make_spec())
    assert isinstance(end, Failure)
    assert (end.cause, end.tokens, end.repeatable) == ("out_of_memory", STEP, True)
    assert re.fullmatch(
        r"out of memory while training \(step 1\), after a peak of 0\.\d\d GB: OutOfMemoryError: CUDA out of memory. "
        r"Tried to allocate 2 GiB; the micro-batch was 4 x 16 tokens; try a smaller micro_batch_size \(auto_batch: "
        r"true finds it\), activation_checkpointing: true, a shorter max_seq_length or more workers",
        re.sub(r"peak of \d+", "peak of 0", end.reason),
    )


def test_half_the_micro_batch_gives_the_same_curve(
    make_spec: Make, room: Any, caplog: pytest.LogCaptureFixture
) -> None:
    _, straight = run(make_spec(global_batch_size=8))
    sizes = room(2)
    with caplog.at_level(logging.WARNING, "trainers"):
        end, driver = run(make_spec(global_batch_size=8, auto_batch=True))
    assert isinstance(end, Finished)
    assert end.micro_batch_size == 2
    assert set(sizes) == {2}
    for (_, ours), (_, theirs) in zip(driver.curve(), straight.curve(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    assert re.findall(r"micro_batch_size (\d+); a step stays 8 sequences", caplog.text) == ["4", "2"]
    assert "the micro-batch was 8 x 16 tokens" in caplog.text


def test_nothing_of_the_failed_step_is_left(make_spec: Make, room: Any) -> None:
    """The step that failed may already have been applied, with half a gradient: the retry must not see it."""
    _, straight = run(make_spec(micro_batch_size=2))
    room(2, after=5)
    _, driver = run(make_spec(auto_batch=True))
    assert driver.measurements[-1].losses == straight.measurements[-1].losses


def test_a_retry_goes_on_from_the_checkpoint(make_spec: Make, room: Any, tmp_path: Path) -> None:
    _, straight = run(make_spec())
    sizes = room(2, after=9)  # in the tenth step; a checkpoint was written after the eighth
    end, driver = run(make_spec(auto_batch=True, checkpoint_path=str(tmp_path / "c"), checkpoint_seconds=0))
    assert isinstance(end, Finished)
    assert sizes == [4] * 9 + [2] * 2 * 4
    assert [tokens for tokens, _ in driver.curve()] == [tokens for tokens, _ in straight.curve()]
    assert driver.curve()[-1][1] == pytest.approx(straight.curve()[-1][1], abs=1e-5)


def test_evaluations_that_do_not_fit_are_tried_with_less_too(make_spec: Make, room: Any) -> None:
    _, straight = run(make_spec())
    room(3, "nll")
    end, driver = run(make_spec(auto_batch=True))
    assert isinstance(end, Finished)
    assert end.micro_batch_size == 2
    assert driver.curve()[-1][1] == pytest.approx(straight.curve()[-1][1], abs=1e-5)
    failed, _ = run(make_spec())
    assert isinstance(failed, Failure)
    assert "while evaluating (after step 4)" in failed.reason


def test_a_single_sequence_that_does_not_fit_is_a_failure(make_spec: Make, room: Any) -> None:
    room(0)
    end, _ = run(make_spec(auto_batch=True))
    assert isinstance(end, Failure)
    assert end.cause == "out_of_memory"
    assert "the micro-batch was 1 x 16 tokens; try activation_checkpointing: true" in end.reason


def test_a_model_that_does_not_fit_is_not_tried_again(make_spec: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []

    def explode(*arguments: Any, **options: Any) -> None:
        attempts.append(arguments)
        raise MemoryError("no more")

    monkeypatch.setattr(models, "load_base", explode)
    end, _ = run(make_spec(auto_batch=True))
    assert isinstance(end, Failure)
    assert (end.cause, end.tokens, len(attempts)) == ("out_of_memory", 0, 1)
    assert "out of memory while building the model" in end.reason
    assert "micro-batch" not in end.reason


def test_an_export_that_does_not_fit_does_not_train_the_trial_again(
    make_spec: Make, room: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def explode(*arguments: Any) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr("trainers.loop.export", explode)
    passes = room(8)
    end, driver = run(make_spec(auto_batch=True, export_path=str(tmp_path / "out")))
    assert isinstance(end, Failure)
    assert (end.cause, end.tokens, len(passes), len(driver.measurements)) == ("out_of_memory", 12 * STEP, 12, 3)
    assert "out of memory while exporting the model" in end.reason
    assert end.reason.endswith("no more; try export_dtype: bf16, or a machine with more memory")


def test_an_optimiser_whose_state_does_not_fit_is_out_of_memory(
    make_spec: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes")

    monkeypatch.setattr(torch.optim.AdamW, "step", explode)
    end, _ = run(make_spec(micro_batch_size=1))
    assert isinstance(end, Failure)
    assert (end.cause, end.repeatable) == ("out_of_memory", True)


@pytest.mark.parametrize(
    ("batch", "micro", "workers", "expected"),
    [(8, 8, 1, [8, 4, 2, 1]), (8, 3, 1, [3, 2, 1]), (5, 8, 2, [3, 2, 1]), (1, 8, 4, [1])],
)
def test_the_micro_batch_is_halved_from_what_a_worker_really_uses(
    make_spec: Make, batch: int, micro: int, workers: int, expected: list[int]
) -> None:
    spec: TrialSpec | None = make_spec(global_batch_size=batch, micro_batch_size=micro)
    found = []
    while spec is not None:
        found.append(most_at_once(spec, workers))
        spec = half_micro_batch(spec, workers)
    assert found == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("shape mismatch"), False),
        (OSError("out of memory"), False),
    ],
)
def test_what_an_allocator_says_is_known(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_a_batch_that_really_does_not_fit_is_made_smaller(tmp_path: Path) -> None:
    packed = write_corpus(tmp_path / "corpus", 1, {"train": 6000, "valid": 600})
    wide = CONFIG | {"intermediate_size": 4096, "max_position_embeddings": 256}
    spec = TrialSpec.model_validate(
        {
            "role": "search", "model": {"name": "wide", "config": wide, "fingerprint": "w"}, "method": "full",
            "learning_rate": 1e-3, "corpora": [CorpusRef(name="a", path=str(packed), fingerprint="a")],
            "mixture": {"a": 1.0}, "max_tokens": 2 * 8 * 256, "max_seq_length": 256, "global_batch_size": 8,
            "micro_batch_size": 8, "auto_batch": True, "seed": 1, "precision": "fp32", "evaluation_tokens": 256,
        }
    )  # fmt: skip
    (tmp_path / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "tests.trainers.little_memory", str(tmp_path / "spec.json")]
    # Freed memory goes back at once, so that what the process holds says what it needs.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
    found = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True, env=environment)
    free, tight = (json.loads(line) for line in found.stdout.splitlines())
    assert free["end"]["micro_batch_size"] == 8
    assert tight["end"]["kind"] == "finished", tight
    assert tight["end"]["micro_batch_size"] in (4, 2, 1)
    assert tight["losses"] == pytest.approx(free["losses"], abs=1e-5)
    assert "the micro-batch was 8 x 256 tokens" in found.stderr
