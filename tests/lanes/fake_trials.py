"""Trials that sleep instead of training, run by real lanes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist

from trainers import loop
from trainers.messages import CorpusLoss, Failure, Finished, Measurement, Message, Verdict
from trainers.spec import CorpusRef, ModelRef, TrialSpec

RUNNER = "tests.lanes.fake_trials:run_trial"
Report = Callable[[Message], Verdict]


def fake_spec(
    seed: int = 0, *, steps: int = 3, rungs: tuple[int, ...] = (), learning_rate: float = 1.0, how: str = "nowhere"
) -> TrialSpec:
    """A spec of `steps` measurements; the loss is learning_rate / step. `how` it misbehaves: see `_misbehave`."""
    return TrialSpec(
        role="search",
        model=ModelRef(name="fake", path=how, fingerprint="f"),
        method="full",
        learning_rate=learning_rate,
        corpora=(CorpusRef(name="code", path="nowhere", fingerprint="c"),),
        mixture={"code": 1.0},
        max_tokens=100 * steps,
        max_seq_length=10,
        global_batch_size=10,
        seed=seed,
        precision="fp32",
        evaluate_at=tuple(100 * (i + 1) for i in range(steps)),
        rungs=rungs,
    )


def measurement(tokens: int, loss: float) -> Measurement:
    """One corpus, ten tokens."""
    part = CorpusLoss(corpus="code", split="valid", nll=10 * loss, tokens=10, bytes=30.0, documents=())
    return Measurement(
        tokens=tokens,
        step=tokens // 100,
        lr_area=tokens,
        lr_fraction=1.0,
        losses=(part,),
        unique_tokens={},
        seconds=0.0,
    )


def finished(state: str, tokens: int) -> Finished:
    """The end of a fake trial; `device` names the process it ran in."""
    workers = dist.get_world_size() if dist.is_initialized() else 1
    return Finished.model_validate(
        {
            "state": state, "tokens": tokens, "seconds": 0.1, "train_seconds": 0.1, "evaluation_seconds": 0.0,
            "tokens_per_second": 1.0, "peak_memory_bytes": 1, "params": 1, "params_non_embedding": 1,
            "trainable_params": 1, "workers": workers, "device": f"process {os.getpid()}",
        }
    )  # fmt: skip


def run_trial(spec: TrialSpec, report: Report) -> Finished | Failure:
    """Every rank steps together; rank 0 reports, and what it is told reaches all. A real model is really trained."""
    if spec.model.name != "fake":
        return loop.run_trial(spec, report)
    rank = dist.get_rank() if dist.is_initialized() else 0
    _misbehave(spec.model.path or "", rank)
    for step, tokens in enumerate(spec.evaluate_at, 1):
        time.sleep(0.02)
        told = torch.zeros(1)
        if rank == 0:
            verdict = report(measurement(tokens, spec.learning_rate / step))
            told[0] = _ACTIONS.index(verdict.action)
        if dist.is_initialized():
            dist.broadcast(told, 0)
        if told.item():
            return finished("stopped" if told.item() == 1 else "paused", tokens)
    return finished("completed", spec.max_tokens)


def _misbehave(how: str, rank: int) -> None:
    """`raise`; `meet N FOLDER`: wait until N processes run such a trial at the same time; or `die N FILE`: the last
    rank's process ends at once in the first N attempts, which FILE counts; or `hang FILE`: in the first attempt."""
    if how.startswith("meet"):
        _, number, folder = how.split()
        _meet(int(number), Path(folder))
    if how.startswith("hang") and _count_attempt(Path(how.split()[1])) == 1:
        time.sleep(3600)
    if how == "raise":
        raise ValueError("this spec cannot run")
    if how.startswith("die"):
        _, times, name = how.split()
        attempts = Path(name)
        if rank == 0:
            _count_attempt(attempts)
        if dist.is_initialized():
            dist.barrier()
        last = dist.get_world_size() - 1 if dist.is_initialized() else 0
        if rank == last and len(attempts.read_text()) <= int(times):
            os._exit(1)  # as from `kill -9`


def _count_attempt(attempts: Path) -> int:
    attempts.write_text(attempts.read_text() + "x" if attempts.exists() else "x")
    return len(attempts.read_text())


def _meet(number: int, folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + 60
    while len(list(folder.iterdir())) < number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"fewer than {number} processes ran at the same time")
        time.sleep(0.02)


_ACTIONS = ("continue", "stop", "pause")
