"""Small made-up trial records, for the rooms that read them."""

from typing import Literal

from sweeper.trials.record import State, TrialRecord
from trainers.messages import CorpusLoss, DocumentLoss, Finished, Measurement
from trainers.spec import CorpusRef, Lora, Method, ModelRef, Role, TrialSpec

CORPORA = tuple(CorpusRef(name=n, path=f"/packed/{n}", fingerprint=n) for n in ("general", "code"))


def corpus_loss(
    corpus: str, documents: list[tuple[float, int]], split: Literal["valid", "test"] = "valid", size: float = 100.0
) -> CorpusLoss:
    """A corpus measured over (nll, tokens) documents."""
    return CorpusLoss(
        corpus=corpus,
        split=split,
        nll=sum(nll for nll, _ in documents),
        tokens=sum(tokens for _, tokens in documents),
        bytes=size,
        documents=tuple(DocumentLoss(document=i, nll=x, tokens=n) for i, (x, n) in enumerate(documents)),
    )


def measurement(tokens: int, general: float, code: float) -> Measurement:
    """Two corpora of two 10-token documents each, half a nat a token apart."""
    return Measurement(
        tokens=tokens,
        step=tokens // 1024,
        lr_area=0.9 * tokens,
        lr_fraction=1.0,
        losses=tuple(
            corpus_loss(name, [((loss - 0.25) * 10, 10), ((loss + 0.25) * 10, 10)])
            for name, loss in (("general", general), ("code", code))
        ),
        unique_tokens={"general": tokens // 2, "code": tokens // 4} if tokens else {},
        seconds=1.0,
    )


def finished(params: int = 1000, tokens: int = 2048) -> Finished:
    """A completed trial's closing message."""
    return Finished(
        state="completed",
        tokens=tokens,
        seconds=3.0,
        train_seconds=2.0,
        evaluation_seconds=0.5,
        tokens_per_second=1024.0,
        peak_memory_bytes=10**9,
        params=params,
        params_non_embedding=params // 2,
        trainable_params=params,
        workers=1,
        device="cpu",
    )


def spec(role: Role = "law", method: Method = "full", ratio: float = 0.5, **changes: object) -> TrialSpec:
    """A trial of the model `tiny` on `general` and `code`."""
    fields: dict[str, object] = {
        "role": role,
        "model": ModelRef(name="tiny", path="/models/tiny", fingerprint="f-tiny"),
        "method": method,
        "lora": None if method == "full" else Lora(r=4, alpha=8.0),
        "learning_rate": 1e-3,
        "corpora": CORPORA,
        "mixture": {"general": 1 - ratio, "code": ratio},
        "max_tokens": 2048,
        "max_seq_length": 128,
        "global_batch_size": 8,
        "seed": 0,
        "precision": "fp32",
    }
    return TrialSpec.model_validate({**fields, **changes})


def record(
    asked: TrialSpec, measurements: list[Measurement], state: State = "completed", params: int = 1000, **labels: str
) -> TrialRecord:
    """A record that came back with these measurements."""
    tokens = measurements[-1].tokens if measurements else 0
    closing = finished(params, tokens) if state in ("completed", "pruned") else None
    return TrialRecord(
        asked, state=state, measurements=measurements, finished=closing, labels=labels, started_at=10.0, ended_at=13.0
    )


def base_record(method: Method = "full", general: float = 3.0, code: float = 4.0) -> TrialRecord:
    """The untrained base model, measured."""
    return record(spec("base", method, 0.5, max_tokens=0), [measurement(0, general, code)])
