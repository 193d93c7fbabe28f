"""Lanes of different sizes in one sweep."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from sweeper.experiment.section import Allowed, Flag, Section, Texts, Unit, Whole, auto_is_none, one_or_many, unique

Auto = BeforeValidator(auto_is_none)
Count = Annotated[Whole, Field(ge=1)]
Floor = Annotated[Whole, Field(ge=0)]
Methods = Annotated[
    tuple[Literal["full", "lora", "qlora"], ...],
    BeforeValidator(one_or_many),
    Field(min_length=1),
    AfterValidator(unique("method")),
]


class LaneClass(Section):
    """Lanes of one size, and the trials that run on them; what is left out is as `resources` says."""

    models: Annotated[Texts | None, Allowed("list of `base_models`")] = None
    """Base models whose trials run on these lanes; by default all that no class before this one takes."""
    methods: Methods | None = None
    """Methods whose trials run on these lanes; by default all."""
    lanes: Annotated[Count | None, Auto, Allowed("auto, or ≥ 1")] = None
    """At most so many trials at the same time; `auto`: as many as have work and fit beside the other classes."""
    min_lanes: Annotated[Floor | None, Auto, Allowed("auto, or ≥ 0")] = None
    """Lanes that are kept however little there is to do; `auto`: all of a number given in `lanes`, else none."""
    num_workers: Annotated[Count | None, Auto, Allowed("auto, or ≥ 1")] = None
    """Workers of each lane."""
    threads_per_worker: Annotated[Count | None, Auto, Unit("CPU threads"), Allowed("auto, or ≥ 1")] = None
    """CPU threads of each worker, and the CPUs it reserves."""
    use_gpu: Annotated[Flag | None, Auto, Allowed("auto, true or false")] = None
    """Whether each worker has a GPU to itself."""
    parallel: Literal["ddp", "fsdp"] | None = None
    """In place of `trainer.parallel`."""
