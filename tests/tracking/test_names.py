import math

import pytest

from sweeper.tracking.names import measurement_metrics, params_of, progress_metrics, run_name
from tests.trial_records import corpus_loss, measurement, record, spec
from trainers.messages import Progress


def test_metric_names_are_those_that_users_know():
    metrics = measurement_metrics(measurement(1024, 3.0, 3.5))
    assert metrics["eval/general/loss"] == 3.0
    assert metrics["eval/code/perplexity"] == pytest.approx(math.exp(3.5))
    assert metrics["eval/code/bits_per_byte"] == pytest.approx(70 / math.log(2) / 100)
    made = Progress(tokens=1, train_loss=2.0, learning_rate=1e-3, grad_norm=0.1, tokens_per_second=5.0)
    assert {"train/loss": 2.0, "perf/tokens_per_second": 5.0}.items() <= progress_metrics(made).items()


def test_the_test_part_is_kept_apart_from_the_validation_part():
    losses = (corpus_loss("code", [(20, 10)]), corpus_loss("code", [(30, 10)], split="test"))
    metrics = measurement_metrics(measurement(1024, 3.0, 3.5).model_copy(update={"losses": losses}))
    assert (metrics["eval/code/loss"], metrics["test/code/loss"]) == (2.0, 3.0)


def test_a_diverged_loss_does_not_overflow():
    assert math.isfinite(measurement_metrics(measurement(1024, 9000.0, 3.5))["eval/general/perplexity"])


def test_params_are_few_and_name_the_adapter_only_where_there_is_one():
    full, qlora = params_of(spec(), "code"), params_of(spec(method="qlora"), "code")
    assert "lora_r" not in full
    assert (qlora["lora_r"], qlora["lora_alpha"], qlora["learning_rate"]) == ("4", "8", "0.001")
    assert len(qlora) <= 25


def test_run_names_tell_trials_apart():
    trial = record(spec("law", "qlora", 0.33), [])
    assert run_name(trial, "code") == f"law qlora code=0.33 {trial.id[:6]}"
    base = record(spec("base", max_tokens=0), [])
    assert run_name(base, "code") == f"base full {base.id[:6]}"
