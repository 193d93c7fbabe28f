"""What must hold between the lanes and the trials that run on them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweeper.experiment.names import suggestion
from sweeper.experiment.problems import Path, Problem, listed

if TYPE_CHECKING:
    from sweeper.experiment.lane_class import LaneClass
    from sweeper.experiment.model import Experiment


def lanes(experiment: "Experiment") -> Iterator[Problem]:
    """Floors below ceilings, and a class of lanes for every trial."""
    resources = experiment.resources
    yield from _floor(("resources", "min_lanes"), resources.lanes, resources.min_lanes)
    if not resources.classes:
        return
    for field in ("lanes", "min_lanes"):
        if getattr(resources, field) is not None:
            yield Problem(
                ("resources", field),
                f"counts lanes of one size, but resources.classes names several; write {field} there",
            )
    for name, each in resources.classes.items():
        yield from _class(experiment, ("resources", "classes", name), each)
    yield from _without_lanes(experiment)


def _class(experiment: "Experiment", path: Path, each: "LaneClass") -> Iterator[Problem]:
    yield from _floor((*path, "min_lanes"), each.lanes, each.min_lanes)
    for i, model in enumerate(each.models or ()):
        if model not in experiment.base_models:
            known = suggestion(model, experiment.base_models)
            yield Problem((*path, "models", i), f"{model!r} is not one of base_models; {known}")
    batch = experiment.trainer.global_batch_size
    if each.num_workers is not None and batch % each.num_workers:
        yield Problem(
            (*path, "num_workers"),
            f"{each.num_workers} workers cannot divide the {batch} sequences of a step (trainer: batch size x "
            "accumulation) evenly; use a divisor of it, or change the batch size",
        )
    if each.parallel == "fsdp" and experiment.trainer.optimizer != "adamw":
        yield Problem(
            (*path, "parallel"),
            f"'fsdp' cannot keep the state of bitsandbytes' {experiment.trainer.optimizer!r}; use 'ddp', or "
            "trainer.optimizer: adamw",
        )


def _floor(path: Path, most: int | None, least: int | None) -> Iterator[Problem]:
    if most is not None and least is not None and least > most:
        yield Problem(path, f"{least} is more than lanes: {most}; lower it, or raise lanes")


def _without_lanes(experiment: "Experiment") -> Iterator[Problem]:
    classes = experiment.resources.classes.values()
    missing = [
        f"{method} on {model}"
        for model in experiment.base_models
        for method in sorted({"full", *experiment.search.space.methods})  # every base model's own loss is measured
        if not any(model in (x.models or (model,)) and method in (x.methods or (method,)) for x in classes)
    ]
    if missing:
        yield Problem(
            ("resources", "classes"),
            f"no class takes {listed(missing)}; name both in one, or add a class that names neither",
        )
