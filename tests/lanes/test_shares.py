"""How many lanes each class gets."""

from hypothesis import given
from hypothesis import strategies as st

from sweeper.lanes.plan import LanePlan, fit_together, shape_lanes
from sweeper.lanes.shares import shares

SMALL = LanePlan(8, name="small", models=("s",), least=0, use_gpu=False)
LARGE = LanePlan(2, num_workers=4, name="large", least=0, use_gpu=False)


def test_lanes_come_by_demand_up_to_their_number() -> None:
    for wanted, lanes in ((0, 0), (3, 3), (100, 8)):
        assert shares([SMALL], {"small": wanted}, {"CPU": 16.0}, {})["small"] == lanes


def test_what_is_always_kept_is_kept_without_work() -> None:
    kept = LanePlan(8, least=2, use_gpu=False)
    assert shares([kept], {}, {"CPU": 16.0}, {}) == {"lane": 2}


def test_lanes_are_as_many_as_fit() -> None:
    assert shares([SMALL], {"small": 8}, {"CPU": 3.0}, {}) == {"small": 3}


def test_every_class_with_work_gets_a_lane_before_one_gets_two() -> None:
    assert shares([SMALL, LARGE], {"small": 100, "large": 1}, {"CPU": 8.0}, {}) == {"small": 4, "large": 1}


def test_where_classes_do_not_fit_side_by_side_the_one_that_waits_long_has_its_turn() -> None:
    wanted = {"small": 100, "large": 1}
    assert shares([SMALL, LARGE], wanted, {"CPU": 4.0}, {}) == {"small": 4, "large": 0}
    assert shares([SMALL, LARGE], wanted, {"CPU": 4.0}, {"large": 700.0}) == {"small": 0, "large": 1}


@given(
    wanted=st.dictionaries(st.sampled_from(["small", "large"]), st.integers(0, 20)),
    cpus=st.integers(4, 40),
    waits=st.dictionaries(st.sampled_from(["small", "large"]), st.floats(600, 1e4)),
    least=st.integers(0, 2),
)
def test_shares_fit_together_and_no_class_with_work_is_without_a_lane_where_both_have_room(
    wanted: dict[str, int], cpus: int, waits: dict[str, float], least: int
) -> None:
    plans = shape_lanes([LanePlan(8, name="small", models=("s",), least=least, use_gpu=False), LARGE], {"CPU": 40.0})
    counts = shares(plans, wanted, {"CPU": float(cpus)}, waits)
    held = [LanePlan(counts[plan.name], plan.num_workers, use_gpu=False) for plan in plans]
    assert fit_together(held, {"CPU": float(cpus)})
    assert all(counts[plan.name] <= (plan.lanes or 0) for plan in plans)
    if cpus >= least + 5:
        assert all(counts[name] for name, count in wanted.items() if count)
