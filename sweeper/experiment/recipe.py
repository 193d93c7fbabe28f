"""How one trial is trained where that is searched."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sweeper.experiment.trainer import Trainer

ScheduleType = Literal["constant", "wsd", "cosine", "linear"]
RECIPE_FIELDS = (
    "lora_alpha_ratio",
    "lora_target_modules",
    "lr_scheduler_type",
    "warmup_ratio",
    "global_batch_size",
    "weight_decay",
)
"""Fields of a recipe that stand in for what the file's `trainer` says."""


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
