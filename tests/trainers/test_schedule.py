import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.schedule import StepSchedule
from trainers.spec import Schedule

TYPES = ("constant", "cosine", "linear", "wsd")
SIZE = 64
ROOT = math.sqrt(0.5)


def over(n_steps: int, **fields: Any) -> StepSchedule:
    """A schedule of `n_steps` steps of 64 tokens."""
    return StepSchedule(Schedule(**fields), n_steps, SIZE)


def multipliers(schedule: StepSchedule) -> list[float]:
    return [schedule.multiplier(step) for step in range(schedule.n_steps)]


@st.composite
def schedules(draw: st.DrawFn) -> StepSchedule:
    share = st.floats(0, 1, allow_nan=False)
    n_steps = draw(st.integers(1, 60))
    tokens = st.one_of(st.none(), st.integers(0, n_steps * SIZE))
    kind = draw(st.sampled_from(TYPES))
    return over(
        n_steps,
        type=kind,
        warmup_ratio=draw(share),
        warmup_tokens=draw(tokens),
        start_ratio=draw(share),
        decay_ratio=draw(share),
        decay_tokens=draw(st.one_of(st.none(), st.integers(1, n_steps * SIZE))),
        decay_shape=draw(st.sampled_from(["sqrt", "linear"])),
        min_ratio=draw(share),
    )


def test_warm_up_rises_to_the_peak_and_a_constant_rate_stays_there() -> None:
    assert multipliers(over(10, warmup_ratio=0.4)) == [0.25, 0.5, 0.75, 1.0] + [1.0] * 6


def test_linear_falls_in_equal_parts_and_would_reach_zero_at_the_end() -> None:
    assert multipliers(over(10, type="linear", warmup_ratio=0.2)) == pytest.approx(
        [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    )


def test_cosine_is_at_one_half_in_the_middle() -> None:
    schedule = over(8, type="cosine")
    assert schedule.multiplier(2) == pytest.approx(0.5 * (1 + ROOT))
    assert schedule.multiplier(4) == pytest.approx(0.5)


def test_wsd_stays_at_the_peak_and_then_falls_as_one_minus_the_square_root() -> None:
    values = multipliers(over(10, type="wsd", decay_ratio=0.4))
    assert values == pytest.approx([1.0] * 7 + [0.5, 1 - ROOT, 1 - math.sqrt(0.75)])


def test_wsd_may_cool_down_in_a_line() -> None:
    values = multipliers(over(10, type="wsd", decay_ratio=0.4, decay_shape="linear"))
    assert values == pytest.approx([1.0] * 7 + [0.75, 0.5, 0.25])


def test_rewarming_starts_at_its_ratio_and_redecays_to_the_lowest() -> None:
    """Four steps from 0.2 to the peak, a cosine over four to 0.1, by hand."""
    schedule = over(8, type="cosine", warmup_ratio=0.5, start_ratio=0.2, min_ratio=0.1)
    falling = [0.1 + 0.9 * part for part in (1.0, (1 + ROOT) / 2, 0.5, (1 - ROOT) / 2)]
    assert multipliers(schedule) == pytest.approx([0.4, 0.6, 0.8, 1.0, *falling])
    assert [schedule.decay(done) for done in (2, 4, 6, 8)] == pytest.approx([1.0, 1.0, 0.55, 0.1])
    assert schedule.area(8) == pytest.approx(SIZE * (2.8 + 0.4 + 0.9 * 2.5))


def test_tokens_are_rounded_up_to_whole_steps_and_come_before_ratios() -> None:
    schedule = over(
        10, type="wsd", warmup_ratio=0.9, warmup_tokens=SIZE + 1, decay_ratio=0.9, decay_tokens=2 * SIZE + 1
    )
    assert (schedule.warmup_steps, schedule.decay_start) == (2, 7)
    assert over(10, warmup_ratio=0.9, warmup_tokens=0).warmup_steps == 0


def test_a_warm_up_in_tokens_is_the_same_for_trials_of_every_length() -> None:
    short, long = (multipliers(over(n, warmup_tokens=3 * SIZE)) for n in (5, 50))
    assert short == long[:5]


@given(schedules())
def test_every_step_learns_and_none_beyond_the_peak(schedule: StepSchedule) -> None:
    assert all(0 < value <= 1 for value in multipliers(schedule))


@given(schedules())
def test_the_rate_rises_to_the_peak_then_never_rises_again(schedule: StepSchedule) -> None:
    values, top = multipliers(schedule), schedule.warmup_steps
    # Products round: where a warm-up begins a hair below the peak its steps may differ by a last digit.
    assert all(late >= early - 1e-12 for early, late in pairwise(values[:top]))
    assert all(late <= early + 1e-12 for early, late in pairwise(values[top:]))
    assert values[max(0, top - 1)] == 1.0
    assert min(values[top:], default=1.0) >= schedule.schedule.min_ratio


@given(schedules())
def test_warm_up_and_decay_meet_at_the_peak_and_no_step_jumps(schedule: StepSchedule) -> None:
    """No change between two steps is larger than that part's own first or last one (they are concave or convex)."""
    values, start = multipliers(schedule), schedule.decay_start
    assert schedule.decay(start) == 1.0
    if start < schedule.n_steps:
        assert values[start] == 1.0
        length = schedule.n_steps - start
        largest = (1 - schedule.schedule.min_ratio) * max(math.sqrt(1 / length), math.pi / 2 / length)
        falling = values[start:]
        assert all(a - b <= largest + 1e-9 for a, b in pairwise(falling))


@given(schedules())
def test_lr_fraction_is_one_before_the_decay_and_min_ratio_at_its_end(schedule: StepSchedule) -> None:
    assert all(schedule.decay(done) == 1.0 for done in range(schedule.decay_start + 1))
    if schedule.decay_start < schedule.n_steps:
        assert schedule.decay(schedule.n_steps) == pytest.approx(schedule.schedule.min_ratio, abs=1e-12)


@given(schedules(), st.integers(0, 40))
def test_a_wsd_trial_is_a_constant_one_up_to_its_decay(schedule: StepSchedule, more: int) -> None:
    warmup = schedule.warmup_steps * SIZE
    fields = schedule.schedule.model_dump() | {"warmup_tokens": warmup}
    branch = over(schedule.n_steps, **fields | {"type": "wsd"})
    trunk = over(schedule.n_steps + more, **fields | {"type": "constant"})
    assert multipliers(branch)[: branch.decay_start] == multipliers(trunk)[: branch.decay_start]


def test_area_is_the_sum_of_multipliers_in_tokens() -> None:
    schedule = StepSchedule(Schedule(type="linear", warmup_ratio=0.2), 10, 100)
    assert schedule.area(3) == pytest.approx(250)
    assert schedule.area(10) == pytest.approx(600)


def test_fraction_of_a_constant_rate_is_one_to_the_end() -> None:
    assert over(10).decay(10) == 1.0
