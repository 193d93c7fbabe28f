"""Where it runs and where it is tracked; nothing here changes a loss."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from sweeper.experiment.lane_class import Auto, Count, Floor, LaneClass
from sweeper.experiment.section import Allowed, Flag, FrozenDict, Number, Section, Unit, problem

ClassName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=40)]


class Resources(Section):
    """How trials use the machine or the cluster; `auto`, for all or for one field, chooses by the machine."""

    lanes: Annotated[Count | None, Auto, Allowed("auto, or ≥ 1")] = None
    """Trials that run at the same time, at most; `auto`: as many as fit, with an autoscaler as many as have work."""
    min_lanes: Annotated[Floor | None, Auto, Allowed("auto, or ≥ 0")] = None
    """Lanes that are kept however little there is to do; the others come and go by demand, so that an autoscaler can
    return their machines. `auto`: all of a number given in `lanes`; of `lanes: auto` all that fit at the start, but
    none where an autoscaler brings machines."""
    idle_seconds: Annotated[Number, Field(ge=0.0), Unit("seconds")] = 300.0
    """A lane above `min_lanes` is given back when it has had nothing to do for so long."""
    classes: Annotated[
        Mapping[ClassName, LaneClass], AfterValidator(FrozenDict), Allowed("classes of lanes by name")
    ] = FrozenDict()
    """Lanes of different sizes, in place of `lanes` and `min_lanes`: small models on small lanes, large ones on lanes
    of many workers. A trial runs on the first class that takes its base model and method."""
    num_workers: Annotated[Count | None, Auto, Allowed("auto, or ≥ 1")] = None
    """Workers of each lane (data parallel); they divide `trainer.global_batch_size` sequences among them."""
    use_gpu: Annotated[Flag | None, Auto, Allowed("auto, true or false")] = None
    """Whether each worker has a GPU to itself."""
    threads_per_worker: Annotated[Count | None, Auto, Unit("CPU threads"), Allowed("auto, or ≥ 1")] = None
    """CPU threads of each worker, and the CPUs it reserves."""
    prepare_processes: Annotated[Count | None, Auto, Allowed("auto, or ≥ 1")] = None
    """Processes that tokenise corpora, on the machine of the command line; `auto`: one a CPU. Changes no result."""
    storage: Annotated[str, Field(min_length=1)] | None = None
    """Folder that every node sees under the same path, for checkpoints, packed text and base models; by default the
    output folder, which serves one machine only."""
    checkpoint_seconds: Annotated[Number, Field(ge=0.0), Unit("seconds")] = 30.0
    """A trial writes a checkpoint at an evaluation when its last one is older."""
    hung_seconds: Annotated[Number, Field(gt=0.0), Unit("seconds")] = 1800.0
    """A trial that gives no sign of life for longer (no step, no evaluation done) has its workers started afresh and
    goes on from its checkpoint; more than loading the model, or evaluating it once, takes."""
    grace_seconds: Annotated[Number, Field(ge=0.0), Unit("seconds")] = 25.0
    """After Ctrl-C or SIGTERM: how long running trials have to finish their step and write a checkpoint."""
    max_failed_share: Annotated[Number, Field(ge=0.0, le=1.0), Unit("share")] = 0.5
    """The run stops, with what ails it, when more than this share of a phase's trials have failed (of four at least;
    diverged ones, which tell the search something, count from the tenth on). 1: never."""

    @model_validator(mode="before")
    @classmethod
    def _auto(cls, data: object) -> object:
        return {} if data == "auto" else data


_URI = re.compile(r"[A-Za-z][\w+.-]*:.+|databricks")


def _destination(value: str) -> str:
    if value in ("auto", "none") or _URI.fullmatch(value):
        return value
    raise problem(f"{value!r} is neither `auto`, `none` nor a tracking URI; write a URI as in http://host:5000")


class Tracking(Section):
    """Where runs are tracked."""

    mlflow: Annotated[str, AfterValidator(_destination), Allowed("`auto`, `none` or a URI")] = "auto"
    """`auto`: a sqlite store in the output folder. `none`: no tracking. Otherwise an MLflow tracking URI."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, data: object) -> object:
        return data if isinstance(data, Mapping | Section) else {"mlflow": data}
