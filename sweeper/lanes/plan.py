"""What lanes an experiment asks for: one class of them, or several of different sizes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sweeper.errors import SweeperError
from sweeper.lanes.switchboard import LANE
from trainers.spec import TrialSpec

MAX_AUTO_LANES = 64
Resources = Mapping[str, float]
"""Of a cluster, or of a lane: CPUs and GPUs by Ray's names."""


class ClusterError(SweeperError):
    """The cluster cannot run this experiment; the message says what is missing."""


@dataclass(frozen=True)
class LanePlan:
    """Lanes of one class; None leaves a choice to what the cluster has."""

    lanes: int | None = None
    """How many at most."""
    num_workers: int = 1
    """Workers (ranks) a lane."""
    threads_per_worker: int = 1
    """CPU threads, and CPUs asked of Ray, a worker."""
    use_gpu: bool | None = None
    hung_seconds: float = 1800.0
    """A lane whose trial gives no sign of life for longer is started afresh."""
    grace_seconds: float = 25.0
    """For interrupted trials to finish their step and write a checkpoint."""
    shared_storage: bool = False
    """Whether files are on storage that every node sees."""
    least: int | None = None
    """How many are kept however little there is to do; None: all of them, unless the cluster grows and shrinks."""
    name: str = LANE
    """Of the class."""
    models: tuple[str, ...] = ()
    """Base models whose trials run on it; none named: all that no class before it takes."""
    methods: tuple[str, ...] = ()
    """Methods whose trials run on it; none named: all."""
    parallel: Literal["ddp", "fsdp"] | None = None
    """How its workers share a model; None leaves it to the trial's spec."""

    @property
    def needs(self) -> dict[str, float]:
        """What one lane takes of a cluster."""
        gpus = {"GPU": float(self.num_workers)} if self.use_gpu else {}
        return {"CPU": float(self.num_workers * self.threads_per_worker), **gpus}

    def takes(self, spec: TrialSpec) -> bool:
        """Whether a trial may run on these lanes."""
        return (not self.models or spec.model.name in self.models) and (not self.methods or spec.method in self.methods)

    def adapted(self, spec: TrialSpec) -> TrialSpec:
        """The spec as it is run on these lanes; its identity stays."""
        return spec if self.parallel is None else spec.model_copy(update={"parallel": self.parallel})


class LaneClasses:
    """The classes of lanes of a sweep, in the order in which they are asked whether they take a trial."""

    def __init__(self, plans: Sequence[LanePlan]) -> None:
        self.plans = tuple(plans)

    def of(self, spec: TrialSpec) -> LanePlan:
        """The first class that takes a trial.

        Raises:
            ClusterError: none does.
        """
        for plan in self.plans:
            if plan.takes(spec):
                return plan
        raise ClusterError(
            f"resources.classes: no class of lanes takes {spec.method} on {spec.model.name}; name both in one, or add "
            "a class that names neither"
        )


def shape_lanes(plans: Sequence[LanePlan], have: Resources, promised: Resources | None = None) -> list[LanePlan]:
    """The plans with nothing left open.

    Args:
        plans: What the user asks for.
        have: `ray.cluster_resources()`.
        promised: What an autoscaler may bring the cluster to; None without one.

    Raises:
        ClusterError: not even one lane of each class fits, or those that are always kept do not fit together.
    """
    most = larger(have, promised or {})
    single = len(plans) == 1
    shaped = [
        _shaped(plan, most, keeps_all=single and promised is None, field=field_of(plan, single)) for plan in plans
    ]
    kept = [replace(plan, lanes=plan.least) for plan in shaped if plan.least]
    if not fit_together(kept, most):
        wanted = ", ".join(f"{plan.lanes} of {plan.name}" for plan in kept)
        raise ClusterError(
            f"resources.classes: the lanes that are always kept ({wanted}) do not fit together on {in_words(most)}; "
            "lower `lanes`, or let them go when idle with `min_lanes`"
        )
    return shaped


def _shaped(plan: LanePlan, most: Resources, *, keeps_all: bool, field: str) -> LanePlan:
    gpus, cpus = int(most.get("GPU", 0)), int(most.get("CPU", 0))
    use_gpu = gpus > 0 if plan.use_gpu is None else plan.use_gpu
    if use_gpu and gpus < plan.num_workers:
        raise ClusterError(
            f"{field}.num_workers: a lane of {plan.num_workers} GPU workers does not fit on {gpus} GPUs; "
            "lower num_workers, set use_gpu to false, or add GPU nodes"
        )
    fit = fitting(replace(plan, use_gpu=use_gpu).needs, most)
    if fit < 1:
        raise ClusterError(
            f"{field}: a lane of {plan.num_workers} workers with {plan.threads_per_worker} CPUs each does not fit on "
            f"{cpus} CPUs; lower num_workers or threads_per_worker"
        )
    if plan.lanes is not None and plan.lanes > fit and (plan.least is None or plan.least > fit):
        raise ClusterError(f"{field}.lanes: {plan.lanes} lanes do not fit, {fit} would; lower it or leave it out")
    lanes = MAX_AUTO_LANES if plan.lanes is None else plan.lanes  # machines may join
    least = min(fit, lanes) if plan.lanes is not None or keeps_all else 0
    return replace(plan, lanes=lanes, use_gpu=use_gpu, least=least if plan.least is None else min(plan.least, lanes))


def field_of(plan: LanePlan, single: bool) -> str:
    """Where the experiment file speaks of a class."""
    return "resources" if single else f"resources.classes.{plan.name}"


def fitting(needs: Resources, have: Resources) -> int:
    """How many lanes fit at once where nothing else runs."""
    return min((int(have.get(name, 0.0) // count) for name, count in needs.items() if count), default=MAX_AUTO_LANES)


def fit_together(plans: Iterable[LanePlan], have: Resources) -> bool:
    """Whether all lanes of all plans fit at once."""
    left = dict(have)
    for plan in plans:
        if fitting(plan.needs, left) < (plan.lanes or 0):
            return False
        left = less(left, plan.needs, plan.lanes or 0)
    return True


def larger(one: Resources, other: Resources) -> dict[str, float]:
    """The larger of two counts, by resource."""
    return {name: max(one.get(name, 0.0), other.get(name, 0.0)) for name in {*one, *other}}


def less(have: Resources, needs: Resources, lanes: int = 1) -> dict[str, float]:
    """What is left beside so many lanes."""
    return {name: count - lanes * needs.get(name, 0.0) for name, count in have.items()}


def in_words(resources: Resources) -> str:
    """CPUs and GPUs, for people."""
    return f"{resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs"
