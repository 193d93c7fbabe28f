"""Trials that sleep instead of training, run by real lanes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from trainers.messages import CorpusLoss, Failure, Finished, Measurement, Message, Verdict
from trainers.spec import CorpusRef, ModelRef, TrialSpec

Report = Callable[[Message], Verdict]


def fake_spec(seed: int = 0, *, steps: int = 3, rungs: tuple[int, ...] = (), learning_rate: float = 1.0) -> TrialSpec:
    """A spec of `steps` measurements; the loss is learning_rate / step."""
    return TrialSpec(
        role="search",
        model=ModelRef(name="fake", path="nowhere", fingerprint="f"),
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
    """The end of a fake trial."""
    return Finished.model_validate(
        {
            "state": state, "tokens": tokens, "seconds": 0.1, "train_seconds": 0.1, "evaluation_seconds": 0.0,
            "tokens_per_second": 1.0, "peak_memory_bytes": 1, "params": 1, "params_non_embedding": 1,
            "trainable_params": 1, "workers": 1, "device": "cpu",
        }
    )  # fmt: skip


def run_trial(spec: TrialSpec, report: Report) -> Finished | Failure:
    """Every rank steps together; rank 0 reports, and what it is told reaches all."""
    import torch
    import torch.distributed as dist

    rank = dist.get_rank() if dist.is_initialized() else 0
    crash = spec.model.path
    if crash and crash.startswith("/") and rank == 0 and not Path(crash).exists():
        Path(crash).touch()
        os._exit(1)  # the process dies once, as from `kill -9`
    if spec.model.path == "raise":
        raise ValueError("this spec cannot run")
    for step, tokens in enumerate(spec.evaluate_at, 1):
        time.sleep(0.02)
        stop = torch.zeros(1)
        if rank == 0:
            verdict = report(measurement(tokens, spec.learning_rate / step))
            stop[0] = {"continue": 0.0, "stop": 1.0, "pause": 2.0}[verdict.action]
        if dist.is_initialized():
            dist.broadcast(stop, 0)
        if stop.item():
            return finished("stopped" if stop.item() == 1 else "paused", tokens)
    return finished("completed", spec.max_tokens)
