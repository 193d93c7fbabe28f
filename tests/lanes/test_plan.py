"""What lanes a cluster is asked for, and which trials run on which."""

import pytest

from sweeper.lanes.plan import MAX_AUTO_LANES, ClusterError, LaneClasses, LanePlan, shape_lanes
from tests.lanes.fake_trials import fake_spec


@pytest.mark.parametrize(
    ("plan", "available", "least", "most", "gpu"),
    [
        (LanePlan(), {"CPU": 4.0}, 4, MAX_AUTO_LANES, False),
        (LanePlan(), {"CPU": 1000.0}, MAX_AUTO_LANES, MAX_AUTO_LANES, False),
        (LanePlan(num_workers=2), {"CPU": 5.0}, 2, MAX_AUTO_LANES, False),
        (LanePlan(num_workers=2, threads_per_worker=2), {"CPU": 8.0}, 2, MAX_AUTO_LANES, False),
        (LanePlan(lanes=1), {"CPU": 4.0}, 1, 1, False),
        (LanePlan(), {"CPU": 16.0, "GPU": 4.0}, 4, MAX_AUTO_LANES, True),
        (LanePlan(num_workers=2), {"CPU": 16.0, "GPU": 5.0}, 2, MAX_AUTO_LANES, True),
        (LanePlan(threads_per_worker=8), {"CPU": 16.0, "GPU": 4.0}, 2, MAX_AUTO_LANES, True),
        (LanePlan(use_gpu=False), {"CPU": 16.0, "GPU": 4.0}, 16, MAX_AUTO_LANES, False),
        (LanePlan(lanes=3, least=0), {"CPU": 4.0}, 0, 3, False),
        (LanePlan(lanes=9, least=1), {"CPU": 4.0}, 1, 9, False),
    ],
)
def test_lanes_are_as_many_as_fit_or_as_asked(
    plan: LanePlan, available: dict[str, float], least: int, most: int, gpu: bool
) -> None:
    (shaped,) = shape_lanes([plan], available)
    assert (shaped.least, shaped.lanes, shaped.use_gpu) == (least, most, gpu)
    assert (shaped.num_workers, shaped.threads_per_worker) == (plan.num_workers, plan.threads_per_worker)


@pytest.mark.parametrize(
    ("plan", "available", "message"),
    [
        (LanePlan(num_workers=4), {"CPU": 2.0}, "a lane of 4 workers with 1 CPUs each does not fit on 2 CPUs"),
        (LanePlan(lanes=3), {"CPU": 2.0}, r"resources\.lanes: 3 lanes do not fit, 2 would"),
        (LanePlan(num_workers=2), {"CPU": 8.0, "GPU": 1.0}, "a lane of 2 GPU workers does not fit on 1 GPUs"),
        (LanePlan(use_gpu=True), {"CPU": 8.0}, "a lane of 1 GPU workers does not fit on 0 GPUs"),
    ],
)
def test_what_does_not_fit_is_said_with_numbers(plan: LanePlan, available: dict[str, float], message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        shape_lanes([plan], available)


def test_what_an_autoscaler_may_bring_counts_and_nothing_is_kept_that_was_not_asked_for() -> None:
    (shaped,) = shape_lanes([LanePlan()], {"CPU": 8.0}, {"CPU": 40.0, "GPU": 4.0})
    assert (shaped.least, shaped.use_gpu) == (0, True)
    (fixed,) = shape_lanes([LanePlan(lanes=4)], {"CPU": 8.0}, {"CPU": 40.0, "GPU": 4.0})
    assert (fixed.least, fixed.lanes) == (4, 4)


def test_of_several_classes_the_messages_name_the_one_that_does_not_fit() -> None:
    small, large = LanePlan(name="small", models=("s",)), LanePlan(name="large", num_workers=8)
    with pytest.raises(ClusterError, match=r"resources\.classes\.large: a lane of 8 workers"):
        shape_lanes([small, large], {"CPU": 4.0})


def test_lanes_that_are_always_kept_must_fit_together() -> None:
    plans = [LanePlan(3, name="small", models=("s",)), LanePlan(1, name="large", num_workers=2)]
    with pytest.raises(ClusterError, match="3 of small, 1 of large"):
        shape_lanes(plans, {"CPU": 4.0})
    assert [plan.least for plan in shape_lanes(plans, {"CPU": 5.0})] == [3, 1]


def test_a_trial_runs_on_the_first_class_that_takes_its_model_and_method() -> None:
    classes = LaneClasses(
        [
            LanePlan(name="other", models=("large",)),
            LanePlan(name="adapters", methods=("lora", "qlora")),
            LanePlan(name="rest"),
        ]
    )
    assert classes.of(fake_spec()).name == "rest"
    with pytest.raises(ClusterError, match="no class of lanes takes full on fake"):
        LaneClasses([LanePlan(models=("large",))]).of(fake_spec())


def test_how_workers_share_a_model_is_the_class_s_and_not_the_trial_s_identity() -> None:
    spec = fake_spec()
    adapted = LanePlan(parallel="fsdp").adapted(spec)
    assert (adapted.parallel, adapted.id) == ("fsdp", spec.id)
    assert LanePlan().adapted(spec) is spec
