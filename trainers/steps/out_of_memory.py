"""What to say of a trial that ran out of memory, and what to try next."""

from trainers.spec import TrialSpec

BUILDING, EXPORTING = "building the model", "exporting the model"
WHATEVER_THE_BATCH = {
    BUILDING: "method: qlora, parallel: fsdp on more workers, or a smaller model",
    EXPORTING: "export_dtype: bf16, or a machine with more memory",
}
"""What a trial does whose memory a smaller micro-batch would not change, and what to try there."""


def most_at_once(spec: TrialSpec, workers: int) -> int:
    """Sequences that a worker really puts through the model at once: its share of a step may be less than allowed."""
    return min(spec.micro_batch_size, -(-spec.global_batch_size // workers))


def half_micro_batch(spec: TrialSpec, workers: int) -> TrialSpec | None:
    """The same trial with half the micro-batch, and so twice the accumulation; None at a single sequence.

    The steps are the same but for rounding, and for the masks of `lora.dropout` where it is on: they are drawn by
    micro-batch.
    """
    size = most_at_once(spec, workers)
    return spec.model_copy(update={"micro_batch_size": -(-size // 2)}) if size > 1 else None


def explained(reason: str, doing: str, peak: int, spec: TrialSpec, workers: int) -> str:
    """The failure's reason for people.

    Args:
        reason: what the allocator said.
        doing: what the trial was about.
        peak: bytes, of the worker that held most.
        spec: of the attempt that failed.
        workers: who shared the batch.
    """
    text = f"out of memory while {doing}, after a peak of {peak / 1e9:.2f} GB: {reason}"
    if doing in WHATEVER_THE_BATCH:
        return f"{text}; try {WHATEVER_THE_BATCH[doing]}"
    size = most_at_once(spec, workers)
    tried = f"{text}; the micro-batch was {size} x {spec.max_seq_length} tokens"
    smaller = "a smaller micro_batch_size (auto_batch: true finds it), " if size > 1 and not spec.auto_batch else ""
    checkpointing = "" if spec.activation_checkpointing else "activation_checkpointing: true, "
    return f"{tried}; try {smaller}{checkpointing}a shorter max_seq_length or more workers"
