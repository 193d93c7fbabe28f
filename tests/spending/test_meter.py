"""What trials cost."""

import pytest

from sweeper.spending.meter import FlopsMeter, TimeMeter, TokenMeter, end_of, next_evaluation, scored_tokens
from sweeper.spending.pace import Pace
from tests.trial_records import base_record, finished, measurement, record, spec
from trainers.estimate.estimated import Flops

TRIAL = spec(evaluate_at=(1024, 2048), evaluation_tokens=256, evaluation_share=None)
"""Of 2,048 tokens; an evaluation scores two blocks of 128 tokens of each of two corpora."""


def test_evaluations_count_once_they_are_done() -> None:
    assert [scored_tokens(TRIAL, tokens) for tokens in (0, 1023, 1024, 2047, 2048)] == [0, 0, 512, 512, 1024]


def test_the_confirming_runs_last_evaluation_scores_the_test_part_too() -> None:
    confirm = TRIAL.model_copy(update={"evaluation_splits": ("valid", "test")})
    assert [scored_tokens(confirm, tokens) for tokens in (1024, 2048)] == [512, 1536]


def test_a_trial_ends_with_a_whole_step() -> None:
    trial = spec(max_tokens=1500, evaluate_at=(1024,))
    assert end_of(trial) == 2048
    assert [next_evaluation(trial, tokens) for tokens in (0, 1024, 2048)] == [1024, 2048, 2048]


def test_tokens_are_tokens() -> None:
    assert TokenMeter().upto(TRIAL, 1024) == 1024.0


def test_operations_are_of_training_and_scoring() -> None:
    flops = Flops(trained_token=6.0, recomputed_token=0, scored_token=2.0, training=0, evaluation=0)
    assert FlopsMeter({("tiny", "full"): flops}).upto(TRIAL, 2048) == 6 * 2048 + 2 * 1024


def test_operations_of_a_kind_that_is_gone_are_the_dearests() -> None:
    kinds = {
        ("large", method): Flops(trained_token=cost, recomputed_token=0, scored_token=0, training=0, evaluation=0)
        for method, cost in (("full", 6.0), ("qlora", 4.0))
    }
    assert FlopsMeter(kinds).upto(TRIAL, 10) == 60.0  # type: ignore[arg-type]


def test_hours_are_guessed_until_a_trial_has_run() -> None:
    pace = Pace({"tiny": 1000.0}, guess=1000.0 * 1024)
    assert not pace.is_measured
    hours = TimeMeter(pace, lambda trial: 4).upto(TRIAL, 1024)
    assert hours == pytest.approx(4 * (1024 + 512 / 3) / 1024 / 3600)


def test_the_pace_is_that_of_trials_like_it() -> None:
    slow, fast = finished(), finished().model_copy(update={"tokens_per_second": 10_240.0})
    trained = [
        record(spec(), [measurement(2048, 3.0, 4.0)]),
        record(spec(method="lora"), [measurement(2048, 3.0, 4.0)]),
    ]
    trained[0].finished, trained[1].finished = slow, fast
    pace = Pace({"tiny": 1000.0}, guess=1.0, records=trained)
    assert pace.is_measured
    # 1,024 tokens/s for two of its three seconds.
    assert pace.seconds(spec(), 2048, 0) == pytest.approx(3.0)
    assert pace.seconds(spec(method="lora"), 2048, 0) == pytest.approx(0.3)


def test_base_models_give_a_pace_where_nothing_was_trained() -> None:
    base = base_record()
    base.finished = finished(tokens=0).model_copy(update={"evaluated_tokens": 3000, "evaluation_seconds": 1.0})
    pace = Pace({"tiny": 1000.0}, guess=1.0, records=[base])
    assert pace.seconds(spec(), 1000, 0) == pytest.approx(1.0)
