"""What an estimate says. Free of torch, so that a driver reads one that was kept without its imports."""

from typing import Any

from trainers.spec import Record

ESTIMATE_VERSION = 1
"""To be raised when the same trial is estimated otherwise: what was kept is then made anew."""


class StepMemory(Record):
    """Bytes that one worker holds at the moment of a training step when it holds most."""

    weights: int
    """As they are held: fp32 where they train, else in the compute precision or NF4; a worker's part under `fsdp`."""
    gradients: int
    """fp32, of what trains."""
    optimizer: int
    """Its state; what it pages is in `Estimate.paged`."""
    activations: int
    """What layers keep for the backward pass."""
    logits: int
    """What the output layer and the loss hold: some rows of logits and the gradients that they give."""
    copies: int
    """Weights cast to the compute precision."""
    workspace: int
    """What the backward pass and kernels hold besides; under `fsdp` also layers that are put together."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, name) for name in type(self).model_fields)


class Flops(Record):
    """Floating-point operations; a multiplication and an addition are two. Matrix products and attention, which is
    counted without regard to the causal mask, as papers do."""

    trained_token: float
    """To train on one token, `recomputed_token` included."""
    recomputed_token: float
    """To compute again what `activation_checkpointing` did not keep."""
    scored_token: float
    """To score one token in an evaluation."""
    training: float
    """Of the whole trial on all workers."""
    evaluation: float
    """The same, where every held-out split is large enough for all that is asked."""

    @property
    def total(self) -> float:
        """All of the trial's."""
        return self.training + self.evaluation


class Estimate(Record):
    """What a trial will hold and compute.

    Memory is that of tensors, a worker: what a GPU's allocator counts, and on a CPU what is resident above the process'
    own where the C library gives freed memory back at once.
    """

    workers: int
    micro_batch: int
    """Sequences at once."""
    step: StepMemory | None
    """None where nothing is trained."""
    evaluation: int
    """Bytes at the moment of an evaluation when most are held."""
    loading: int
    """Bytes while the model is loaded."""
    paged: int
    """Bytes of optimiser state that move between the GPU and the host as there is room, in neither's peak."""
    flops: Flops

    @property
    def peak(self) -> int:
        """Bytes at the worst moment of the trial."""
        return max(self.evaluation, self.loading, self.step.total if self.step else 0)

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain data, sums included."""
        data = self.model_dump(mode="json")
        if self.step is not None:
            data["step"]["total"] = self.step.total
        data["flops"]["total"] = self.flops.total
        return data | {"peak": self.peak}
