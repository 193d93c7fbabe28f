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
    """Share of the steps over which the learning rate rises from 0."""
    decay_ratio: Share = 0.2
    """Share of the steps over which `wsd` decays, as 1 - sqrt."""
    weight_decay: Annotated[Number, Field(ge=0.0)] = 0.1
    """AdamW's weight decay."""
    max_grad_norm: Annotated[Number, Field(gt=0.0)] = 1.0
    """Gradients are clipped to this norm."""
    adam_beta1: Beta = 0.9
    """AdamW's decay of the gradient's mean."""
    adam_beta2: Beta = 0.95
    """AdamW's decay of the gradient's square."""
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
