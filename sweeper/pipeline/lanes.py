"""From the experiment's resources to plans of lanes."""

from sweeper.experiment.lane_class import LaneClass
from sweeper.experiment.model import Experiment
from sweeper.experiment.resources import Resources
from sweeper.lanes.plan import LanePlan


def lane_plans(experiment: Experiment) -> list[LanePlan]:
    """What the experiment asks of the cluster: one plan, or one a class."""
    resources = experiment.resources
    if not resources.classes:
        return [_plan(resources)]
    return [_plan_of_class(resources, name, each) for name, each in resources.classes.items()]


def target_plan(experiment: Experiment) -> LanePlan:
    """The lanes that trials of the base model to adapt run on, by its first method."""
    return plan_for(experiment, experiment.base_models[-1], experiment.search.space.methods[0])


def plan_for(experiment: Experiment, base: str, method: str) -> LanePlan:
    """The lanes that trials of a base model and method run on."""
    plans = lane_plans(experiment)
    return next(plan for plan in plans if base in (plan.models or (base,)) and method in (plan.methods or (method,)))


def _plan(resources: Resources) -> LanePlan:
    return LanePlan(
        lanes=resources.lanes,
        least=resources.min_lanes,
        num_workers=resources.num_workers or 1,
        threads_per_worker=resources.threads_per_worker or 1,
        use_gpu=resources.use_gpu,
        hung_seconds=resources.hung_seconds,
        grace_seconds=resources.grace_seconds,
        shared_storage=resources.storage is not None,
    )


def _plan_of_class(resources: Resources, name: str, each: LaneClass) -> LanePlan:
    """What a class leaves out is as for all."""
    return LanePlan(
        name=name,
        models=each.models or (),
        methods=each.methods or (),
        lanes=each.lanes,
        least=each.min_lanes,
        num_workers=each.num_workers or resources.num_workers or 1,
        threads_per_worker=each.threads_per_worker or resources.threads_per_worker or 1,
        use_gpu=resources.use_gpu if each.use_gpu is None else each.use_gpu,
        parallel=each.parallel,
        hung_seconds=resources.hung_seconds,
        grace_seconds=resources.grace_seconds,
        shared_storage=resources.storage is not None,
    )
