"""What a trial says while it runs, and what it is told, as JSON; `MESSAGES_VERSION` changes with the meaning."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from trainers import statistics
from trainers.spec import Record

MESSAGES_VERSION: Literal[1] = 1


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class DocumentLoss:
    """The part of one held-out document that was scored.

    No `Record`: a driver holds hundreds of thousands of these, and a model takes four times the memory.
    """

    document: int
    """Index in the split's document table."""
    nll: float
    """Sum over its scored tokens, nats."""
    tokens: int


class CorpusLoss(Record):
    """One corpus, measured once: the loss is `nll / tokens`."""

    corpus: str
    split: Literal["valid", "test"]
    nll: float
    """Sum over scored tokens, nats."""
    tokens: int
    bytes: float
    """UTF-8 bytes of the scored text."""
    documents: tuple[DocumentLoss, ...]
    stderr: float | None = None
    """Standard error of `loss` from the choice of documents, nats per token (`trainers.statistics.bootstrap_stderr`);
    None with fewer than two documents, and in files written before it was stored."""

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nll / self.tokens

    @property
    def bits_per_byte(self) -> float:
        """Comparable between tokenisers; nan for no text."""
        return statistics.bits_per_byte(self.nll, self.bytes)

    @property
    def perplexity(self) -> float:
        """exp(loss)."""
        return statistics.perplexity(self.loss)


class Measurement(Record):
    """Every corpus, after `tokens` training tokens."""

    kind: Literal["measurement"] = "measurement"
    version: Literal[1] = MESSAGES_VERSION
    tokens: int
    step: int
    lr_area: float
    """Integral of learning rate / peak over training tokens, in tokens."""
    lr_fraction: float
    """How far the decay has gone: learning rate / peak, taken as 1 during warm-up."""
    losses: tuple[CorpusLoss, ...]
    unique_tokens: dict[str, int]
    """Distinct training tokens seen so far, by corpus."""
    seconds: float
    """Since the trial began, this attempt."""

    def loss(self, corpus: str, split: str = "valid") -> float:
        """Nats per token of one corpus."""
        return next(x.loss for x in self.losses if x.corpus == corpus and x.split == split)


class Progress(Record):
    """A sign of life, every second or two."""

    kind: Literal["progress"] = "progress"
    version: Literal[1] = MESSAGES_VERSION
    tokens: int
    train_loss: float
    """Nats per token, mean since the last message."""
    learning_rate: float
    grad_norm: float
    tokens_per_second: float


class Resumed(Record):
    """The trial goes on from a checkpoint, or could not."""

    kind: Literal["resumed"] = "resumed"
    version: Literal[1] = MESSAGES_VERSION
    tokens: int
    """Training tokens that the checkpoint holds; 0 where there was no whole one."""
    measurements: tuple[Measurement, ...] = ()
    """What was measured up to there: whoever listened then may have died before it wrote that down."""
    passed_over: tuple[str, ...] = ()
    """Checkpoints that are damaged (their checksum differs) or another trial's."""


class Trouble(Record):
    """Something went wrong that the trial survives."""

    kind: Literal["trouble"] = "trouble"
    version: Literal[1] = MESSAGES_VERSION
    reason: str


class ExportedLoss(Record):
    """One corpus, before and after the export; nats per token on the same blocks."""

    corpus: str
    split: Literal["valid", "test"]
    trained: float
    """By the trial's last measurement: through NF4 and adapters for `qlora`."""
    exported: float
    """Of the model as it was saved: adapters merged, rounded to the export's type."""


class Exported(Record):
    """What was saved, loaded again and measured."""

    dtype: Literal["fp32", "bf16"]
    losses: tuple[ExportedLoss, ...]
    seconds: float
    """Saving, loading and measuring."""


class Finished(Record):
    """The trial returned: at its end, or because it was told to."""

    kind: Literal["finished"] = "finished"
    version: Literal[1] = MESSAGES_VERSION
    state: Literal["completed", "stopped", "paused"]
    tokens: int
    """Training tokens done, those of `started_at_tokens` with them."""
    started_at_tokens: int = 0
    """Tokens that the trial took over from a trunk's kept state and did not train on itself."""
    seconds: float
    train_seconds: float
    evaluation_seconds: float
    tokens_per_second: float
    peak_memory_bytes: int
    """Peak resident memory of rank 0's process, or of its GPU where it has one."""
    params: int
    params_non_embedding: int
    trainable_params: int
    workers: int
    device: str
    exported: Exported | None = None
    """Where the trial saved its model."""
    evaluated_tokens: int = 0
    """Held-out tokens scored by this attempt's evaluations, all together."""
    evaluated_share: float | None = None
    """`evaluated_tokens` / tokens that this attempt trained on; None where it trained on none."""
    micro_batch_size: int | None = None
    """Sequences a worker put through the model at once, at most: less than asked for where `auto_batch` made it so."""


class Failure(Record):
    """The trial cannot go on."""

    kind: Literal["failure"] = "failure"
    version: Literal[1] = MESSAGES_VERSION
    cause: Literal["diverged", "out_of_memory", "bad_spec", "error"]
    reason: str
    tokens: int
    repeatable: bool
    """True where another attempt would fail the same way."""


Message = Annotated[Measurement | Progress | Resumed | Trouble | Finished | Failure, Field(discriminator="kind")]
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
"""Reads any message: `MESSAGE.validate_json(text)`."""


class Verdict(Record):
    """The answer to a message."""

    version: Literal[1] = MESSAGES_VERSION
    action: Literal["continue", "stop", "pause"] = "continue"
    """`stop`: return now, keep nothing. `pause`: write a checkpoint and return."""
    reason: str = ""


CONTINUE = Verdict()
