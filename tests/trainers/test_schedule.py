import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.schedule import decay, lr_area, multiplier
from trainers.spec import Schedule

TYPES = ("constant", "cosine", "linear", "wsd")


def multipliers(schedule: Schedule, n_steps: int) -> list[float]:
    return [multiplier(schedule, step, n_steps) for step in range(n_steps)]


def test_warm_up_rises_to_the_peak_and_a_constant_rate_stays_there() -> None:
    assert multipliers(Schedule(type="constant", warmup_ratio=0.4), 10) == [0.25, 0.5, 0.75, 1.0] + [1.0] * 6


def test_linear_falls_in_equal_parts_and_would_reach_zero_at_the_end() -> None:
    assert multipliers(Schedule(type="linear", warmup_ratio=0.2), 10) == pytest.approx(
        [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    )


def test_cosine_is_at_one_half_in_the_middle() -> None:
    schedule = Schedule(type="cosine")
    assert multiplier(schedule, 2, 8) == pytest.approx(0.5 * (1 + math.sqrt(0.5)))
    assert multiplier(schedule, 4, 8) == pytest.approx(0.5)


def test_wsd_stays_at_the_peak_and_then_falls_as_one_minus_the_square_root() -> None:
    values = multipliers(Schedule(type="wsd", decay_ratio=0.4), 10)
    assert values == pytest.approx([1.0] * 7 + [0.5, 1 - math.sqrt(0.5), 1 - math.sqrt(0.75)])


@given(st.sampled_from(TYPES), st.floats(0, 1, allow_nan=False), st.floats(0, 1, allow_nan=False), st.integers(1, 60))
def test_every_step_learns_and_none_beyond_the_peak(kind: str, warmup: float, tail: float, n_steps: int) -> None:
    schedule = Schedule.model_validate({"type": kind, "warmup_ratio": warmup, "decay_ratio": tail})
    assert all(0 < value <= 1 for value in multipliers(schedule, n_steps))


def test_area_is_the_sum_of_multipliers_in_tokens() -> None:
    schedule = Schedule(type="linear", warmup_ratio=0.2)
    assert lr_area(schedule, 3, 10, 100) == pytest.approx(250)
    assert lr_area(schedule, 10, 10, 100) == pytest.approx(600)


def test_fraction_is_one_in_warm_up_and_zero_at_the_end_of_a_full_decay() -> None:
    for kind in ("cosine", "linear", "wsd"):
        schedule = Schedule.model_validate({"type": kind, "warmup_ratio": 0.5})
        assert decay(schedule, 1, 10) == 1.0
        assert decay(schedule, 10, 10) == pytest.approx(0.0, abs=1e-12)
    assert decay(Schedule(type="constant"), 10, 10) == 1.0
