"""Plans of lanes from the experiment file."""

from sweeper.experiment import parse_experiment
from sweeper.pipeline.lanes import lane_plans, target_plan
from tests.experiment.data import whole


def test_without_classes_there_is_one_plan_as_resources_say() -> None:
    resources = {"lanes": 3, "min_lanes": 1, "num_workers": 2, "storage": "/shared", "hung_seconds": 60.0}
    (plan,) = lane_plans(parse_experiment(whole(resources=resources)))
    assert (plan.lanes, plan.least, plan.num_workers, plan.threads_per_worker) == (3, 1, 2, 1)
    assert (plan.shared_storage, plan.hung_seconds, plan.models, plan.methods) == (True, 60.0, (), ())


def test_a_class_takes_from_resources_what_it_leaves_out() -> None:
    classes = {"small": {"models": ["builtin:tiny-s"], "use_gpu": False}, "rest": {"num_workers": 4, "min_lanes": 0}}
    data = whole(resources={"num_workers": 2, "use_gpu": True, "threads_per_worker": 3, "classes": classes})
    small, rest = lane_plans(parse_experiment(data))
    assert (small.name, small.models, small.num_workers, small.use_gpu) == ("small", ("builtin:tiny-s",), 2, False)
    assert (rest.name, rest.models, rest.num_workers, rest.use_gpu, rest.least) == ("rest", (), 4, True, 0)
    assert small.threads_per_worker == rest.threads_per_worker == 3


def test_the_target_s_lanes_are_those_of_the_last_base_model() -> None:
    classes = {"small": {"models": ["builtin:tiny-s"]}, "adapters": {"methods": ["qlora"]}, "rest": {"num_workers": 4}}
    assert target_plan(parse_experiment(whole(resources={"classes": classes}))).name == "rest"
