"""What one trial is: everything that decides its losses, and where its inputs are found."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from trainers.combinations import objections

SPEC_VERSION: Literal[1] = 1

Method = Literal["full", "lora", "qlora"]
Role = Literal["base", "search", "law", "confirm"]
CorpusRole = Literal["general", "domain"]
Optimizer = Literal["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
BelowOne = Annotated[float, Field(ge=0.0, lt=1.0)]


class Record(BaseModel):
    """A frozen object that refuses unknown keys; the base of everything that crosses between the rooms."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CorpusRef(Record):
    """A packed corpus."""

    name: str
    path: str
    """Folder in the packed format (`trainers.tokens.packed`)."""
    fingerprint: str
    """Hash of its content: source bytes, tokeniser, format version."""


class ModelRef(Record):
    """A base model: a checkpoint folder, or a configuration to initialise at random (built-in models' pre-training)."""

    name: str
    path: str | None = None
    """Folder that `transformers` loads; None where `config` says how to make the model."""
    config: dict[str, Any] | None = None
    """A `transformers` configuration with its `model_type`."""
    fingerprint: str
    """Hash of the weights and configuration, or of `config`."""


class Lora(Record):
    """A low-rank adapter."""

    r: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0)]
    dropout: BelowOne = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"
    use_rslora: bool = False
    """Scale by alpha / sqrt(r) in place of alpha / r (Kalajdzievski 2023, arXiv:2312.03732)."""
    train_embeddings: bool = False
    """Train the input embedding and the output layer in full beside the adapters: for a domain's own vocabulary."""
    train_norms: bool = False
    """Train the normalisation layers in full beside the adapters."""


class Schedule(Record):
    """The learning rate over a trial, as a share of its peak.

    Re-warming and re-decaying a model whose pre-training ended at a low rate (Ibrahim et al. 2024, arXiv:2403.08763)
    is `cosine` with a warm-up from `start_ratio` and an end at `min_ratio`.
    """

    type: Literal["constant", "cosine", "linear", "wsd"] = "constant"
    warmup_ratio: Share = 0.0
    """Linear warm-up, share of all steps."""
    warmup_tokens: Annotated[int, Field(ge=0)] | None = None
    """Linear warm-up in tokens, in place of `warmup_ratio`: the same for trials of every length."""
    start_ratio: Share = 0.0
    """Where the warm-up begins."""
    decay_ratio: Share = 0.2
    """`wsd` only: the final share of steps, which decays."""
    decay_tokens: Annotated[int, Field(ge=1)] | None = None
    """`wsd` only: the decay in tokens, in place of `decay_ratio`."""
    decay_shape: Literal["sqrt", "linear"] = "sqrt"
    """`wsd` only: the decay falls as 1 - sqrt (Hägele et al. 2024, arXiv:2405.18392, section 3) or in a line."""
    min_ratio: Share = 0.0
    """Where a decay ends."""


class TrialSpec(Record):
    """One configuration to train once. Its `id` covers what decides its losses, not paths, workers or device."""

    version: Literal[1] = SPEC_VERSION
    role: Role
    model: ModelRef
    method: Method
    lora: Lora | None = None
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Schedule = Schedule()
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    optimizer: Optimizer = "adamw"
    """The 8-bit and paged ones are bitsandbytes' and need a GPU."""
    adam_betas: tuple[BelowOne, BelowOne] = (0.9, 0.95)
    corpora: tuple[CorpusRef, ...]
    """Every corpus that is trained on or evaluated."""
    mixture: dict[str, Share]
    """Share of training tokens by corpus name, summing to 1; a corpus left out is evaluated only."""
    max_tokens: Annotated[int, Field(ge=0)]
    """Rounded up to whole steps; 0 measures the model and trains nothing."""
    max_seq_length: Annotated[int, Field(ge=2)]
    global_batch_size: Annotated[int, Field(ge=1)]
    """Sequences a step, over all workers and accumulation steps."""
    document_mask: bool = False
    """Documents that share a block do not attend to each other, and positions restart with each; in training and in
    evaluation. By default attention crosses document boundaries within a block."""
    seed: Annotated[int, Field(ge=0)]
    precision: Literal["fp32", "bf16"]
    """Compute precision; master weights of full training are fp32 in both."""
    evaluate_at: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Tokens at which every corpus is evaluated (after the step that reaches them); the end always is."""
    evaluation_tokens: Annotated[int, Field(ge=1)] = 8192
    """At most this many tokens a corpus and evaluation."""
    evaluation_share: Annotated[float, Field(gt=0)] | None = 0.05
    """All evaluations together score at most this share of `max_tokens` (but a block a corpus and evaluation); None:
    no such bound."""
    evaluation_splits: tuple[Literal["valid", "test"], ...] = ("valid",)
    """`test` is evaluated at the end only."""

    # Not part of the identity: how and where it runs, not what it is.
    rungs: tuple[int, ...] = ()
    """Members of `evaluate_at` at which the trial waits for a verdict."""
    micro_batch_size: Annotated[int, Field(ge=1)] = 8
    """Sequences a worker puts through the model at once, at most."""
    auto_batch: bool = False
    """Out of memory: try again with half the micro-batch, and so twice the accumulation."""
    activation_checkpointing: bool = False
    """Keep each layer's input only and compute the layer again in the backward pass: less memory, more time."""
    torch_compile: bool = False
    """Let PyTorch's compiler translate the layers: faster on a GPU after a minute; losses change by rounding."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """Several workers hold the whole model each (`ddp`) or a part of it each (`fsdp`: PyTorch's `fully_shard`)."""
    checkpoint_path: str | None = None
    """Folder for the trial's own checkpoints; None keeps none."""
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 30.0
    """A checkpoint is written at an evaluation where the last one is older than this."""
    export_path: str | None = None
    """Folder to save the trained model to, in `transformers` format, when the trial completes."""
    export_dtype: Literal["fp32", "bf16"] | None = None
    """Of the exported weights; None takes the compute precision, in which they were used and measured."""
    branch_points: tuple[int, ...] = ()
    """Tokens at which the whole state is kept in `branch_path`, for trials that decay from there."""
    branch_path: str | None = None
    """Folder of kept states: a trunk (constant rate, or before its decay) writes to it at its `branch_points`; a `wsd`
    trial that agrees with a trunk up to its own decay begins at that trunk's last state before it."""

    @field_validator("precision", mode="before")
    @classmethod
    def _no_fp16(cls, value: Any) -> Any:
        if value in ("fp16", "float16"):
            raise ValueError(
                "fp16 overflows without loss scaling, which skips steps, so that a trial would not train on the tokens "
                "it counts; use bf16, or fp32 where the device has no bf16"
            )
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        found = objections(self)
        if found:
            raise ValueError("\n".join(found))
        return self

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits over the content of the spec."""
        payload = json.dumps(self.content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(payload.encode()).hexdigest()[:12]

    def content(self) -> dict[str, Any]:
        """What decides the losses, as plain JSON: no path, no worker, no device."""
        data = self.model_dump(mode="json", exclude=_ELSEWHERE)
        data["model"] = self.model.fingerprint
        data["corpora"] = {c.name: c.fingerprint for c in self.corpora}
        return data


_ELSEWHERE = {
    "rungs", "micro_batch_size", "auto_batch", "activation_checkpointing", "torch_compile", "parallel",
    "checkpoint_path", "checkpoint_seconds", "export_path", "export_dtype", "branch_points", "branch_path", "model",
    "corpora",
}  # fmt: skip
