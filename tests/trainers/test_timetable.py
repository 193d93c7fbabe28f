from collections.abc import Callable

import pytest

from tests.trainers.tiny import LENGTH
from trainers.errors import TrainerError
from trainers.spec import TrialSpec
from trainers.timetable import Timetable

STEP = 4 * LENGTH


def test_tokens_are_rounded_up_to_whole_steps(make_spec: Callable[..., TrialSpec]) -> None:
    table = Timetable.of(make_spec(max_tokens=10 * STEP + 1, evaluate_at=(1, STEP, 2 * STEP + 1)))
    assert (table.n_steps, table.evaluations) == (11, (1, 3, 11))
    assert table.tokens(3) == 3 * STEP
    assert table.steps(2 * STEP + 1) == 3


def test_the_end_is_always_evaluated(make_spec: Callable[..., TrialSpec]) -> None:
    assert Timetable.of(make_spec(evaluate_at=())).evaluations == (12,)
    assert Timetable.of(make_spec(max_tokens=0, evaluate_at=())).evaluations == (0,)


def test_an_evaluation_behind_the_end_is_refused(make_spec: Callable[..., TrialSpec]) -> None:
    with pytest.raises(TrainerError, match="evaluate_at: 9999"):
        Timetable.of(make_spec(evaluate_at=(9999,)))


def test_a_rung_that_is_no_evaluation_is_refused(make_spec: Callable[..., TrialSpec]) -> None:
    with pytest.raises(TrainerError, match=r"rungs: \[64\]"):
        Timetable.of(make_spec(evaluate_at=(128,), rungs=(64,)))
