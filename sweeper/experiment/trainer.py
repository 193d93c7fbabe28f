"""How every trial is trained, whatever is searched."""

from typing import Annotated, Literal

from pydantic import Field

from sweeper.experiment.section import Allowed, Flag, Number, Section, Share, Texts, Unit, Whole

Beta = Annotated[Number, Field(ge=0.0, lt=1.0)]


class Trainer(Section):
    """The recipe that all trials share."""

    max_seq_length: Annotated[Whole, Field(ge=2), Unit("tokens")] = 128
    """Length of a training sequence (a packed block)."""
    per_device_train_batch_size: Annotated[Whole, Field(ge=1), Unit("sequences")] = 8
    """Sequences that go through the model at once, at most; fewer where several workers share a step."""
    gradient_accumulation_steps: Annotated[Whole, Field(ge=1)] = 1
    """Forward passes a step. One step trains `per_device_train_batch_size` x `gradient_accumulation_steps` sequences
    whatever the number of workers: they divide the step among them, so more workers change the time, not the losses."""
    lr_scheduler_type: Literal["constant", "wsd", "cosine", "linear"] = "constant"
    """Learning rate over a trial. `wsd`: constant, then decayed over the last `decay_ratio`. `cosine` and `linear` only
    without pruning and with `law.evaluations: 1`: a loss amid such a decay is not that of a finished run."""
    warmup_ratio: Share = 0.05
    """Share of the steps over which the learning rate rises to its peak."""
    warmup_start_ratio: Share = 0.0
    """Share of the peak at which the warm-up starts: to warm up again from the rate at which pre-training ended."""
    decay_ratio: Share = 0.2
    """Share of the steps over which `wsd` decays."""
    decay_shape: Literal["sqrt", "linear"] = "sqrt"
    """How `wsd` decays: as 1 - sqrt, or in a line."""
    min_lr_ratio: Share = 0.0
    """Share of the peak at which a decay ends."""
    optimizer: Literal["adamw", "adamw_8bit", "paged_adamw", "paged_adamw_8bit"] = "adamw"
    """The 8-bit and paged ones are bitsandbytes': less GPU memory; they need a GPU, and not `fsdp`."""
    weight_decay: Annotated[Number, Field(ge=0.0)] = 0.1
    """AdamW's weight decay."""
    max_grad_norm: Annotated[Number, Field(gt=0.0)] = 1.0
    """Gradients are clipped to this norm."""
    adam_beta1: Beta = 0.9
    """AdamW's decay of the gradient's mean."""
    adam_beta2: Beta = 0.95
    """AdamW's decay of the gradient's square."""
    document_mask: Flag = False
    """Documents that share a training sequence do not see each other. Costs time (docs/trainers.md has figures)."""
    activation_checkpointing: Flag = False
    """Compute each layer again in the backward pass in place of keeping it: less memory, up to a third more time."""
    torch_compile: Flag = False
    """Let PyTorch's compiler translate the model's layers: for long trials on a GPU; costs each trial a minute."""
    auto_batch: Flag = True
    """Out of memory: the trial begins again with half as many sequences at once, and so twice the accumulation. The
    step stays the same."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """What the workers of a trial hold: the whole model each, or a part each (PyTorch's `fully_shard`)."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Compute precision; `auto` is bf16 on a GPU and fp32 on a CPU. Master weights of full training are always fp32."""
    lora_dropout: Annotated[Number, Field(ge=0.0, lt=1.0)] = 0.0
    """Dropout before the adapters, `lora` and `qlora`."""
    lora_target_modules: Annotated[Texts, Allowed("`all-linear`, a module name, or a list of module names")] = (
        "all-linear",
    )
    """Modules that get an adapter; the language-model head never does under `all-linear`."""
    use_rslora: Flag = False
    """Scale adapters by alpha / sqrt(r) in place of alpha / r."""
    lora_train_embeddings: Flag = False
    """Train the input embedding and output layer in full beside the adapters: for a domain with its own vocabulary."""
    lora_train_norms: Flag = False
    """Train the normalisation layers in full beside the adapters."""
    lora_alpha_ratio: Annotated[Number, Field(gt=0.0)] = 2.0
    """alpha / r: alpha follows r, so that searching r does not search the adapters' scale too."""

    @property
    def global_batch_size(self) -> int:
        """Sequences a step, over all workers."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    @property
    def tokens_per_step(self) -> int:
        """Training tokens a step."""
        return self.global_batch_size * self.max_seq_length

    @property
    def target_modules(self) -> str | tuple[str, ...]:
        """`lora_target_modules` as peft takes it: the word `all-linear`, or module names."""
        return "all-linear" if self.lora_target_modules == ("all-linear",) else self.lora_target_modules
