"""How one trial is trained where that is searched."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sweeper.experiment.trainer import Trainer

ScheduleType = Literal["constant", "wsd", "cosine", "linear"]


@dataclass(frozen=True)
class Recipe:
    """What a trial has in place of the file's `trainer` and weights; None: what the file says."""

    lora_alpha_ratio: float | None = None
    lora_target_modules: str | None = None
    """`all-linear`, or names of modules joined by commas."""
    lr_scheduler_type: ScheduleType | None = None
    warmup_ratio: float | None = None
    global_batch_size: int | None = None
    """Sequences a step, over all workers."""
    weight_decay: float | None = None
    composition: Mapping[str, float] | None = None
    """What each other corpus has of the share that the target leaves, summing to 1."""

    @property
    def target_modules(self) -> str | tuple[str, ...] | None:
        """`lora_target_modules` as peft takes it."""
        named = self.lora_target_modules
        return named if named is None or named == "all-linear" else tuple(named.split(","))

    def changes(self) -> dict[str, Any]:
        """The fields that are not None."""
        given = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {name: value for name, value in given if value is not None}

    def step(self, trainer: Trainer) -> int:
        """Sequences a step."""
        return trainer.global_batch_size if self.global_batch_size is None else self.global_batch_size

    def put_into(self, trainer: Trainer) -> dict[str, Any]:
        """The file's `trainer` with this recipe in it, as plain JSON.

        A batch is written as the file writes it: as many sequences at once as before at most, and accumulation.
        """
        found = trainer.model_dump(mode="json")
        found |= {name: value for name, value in self.changes().items() if name in found}
        if self.lora_target_modules is not None:
            found["lora_target_modules"] = self.lora_target_modules.split(",")
        if self.global_batch_size is not None:
            size, most = self.global_batch_size, trainer.per_device_train_batch_size
            at_once = max(n for n in range(1, min(size, most) + 1) if size % n == 0)
            found |= {"per_device_train_batch_size": at_once, "gradient_accumulation_steps": size // at_once}
        return found

    @property
    def words(self) -> str:
        """For people: `batch 16, warmup_ratio 0.1`; empty where the file's recipe is kept."""
        return ", ".join(
            f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.changes().items()
            if name != "composition"
        )


def composition(mixture: Mapping[str, float], target: str) -> dict[str, float] | None:
    """What each corpus beside the target has of what the target leaves; None where it leaves nothing."""
    rest = sum(share for name, share in mixture.items() if name != target)
    if rest <= 0.0:
        return None
    return {name: share / rest for name, share in mixture.items() if name != target}
