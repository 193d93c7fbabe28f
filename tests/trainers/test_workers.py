"""Two workers against one: the same curve, and agreement on every end."""

from typing import Any

import pytest

from tests.trainers.tiny import assert_same_curve, run
from tests.trainers.worker_cases import FIFTY, QLORA, STEP, Make, Results
from trainers.spec import TrialSpec

Specs = dict[str, TrialSpec]


@pytest.mark.parametrize(
    "case",
    [
        "even",
        "uneven",
        "fewer blocks than workers",
        "qlora",
        "recomputing",
        "after all of that",
        "sharded uneven",
        "sharded, fewer blocks than workers",
        "sharded lora",
        "sharded, recomputing",
        "after all of that, sharded",
    ],
)
def test_two_workers_give_the_curve_of_one(worker_specs: Specs, worker_results: Results, case: str) -> None:
    plain = worker_specs[case].model_copy(update={"activation_checkpointing": False})
    assert_same_curve(worker_results[case][0]["curve"], run(plain)[1].curve())


@pytest.mark.parametrize("method", [{}, QLORA], ids=["full", "qlora"])
def test_workers_accumulation_and_sharding_leave_fifty_steps_as_they_are(
    make_spec: Make, worker_results: Results, method: dict[str, Any]
) -> None:
    name = method.get("method", "full")
    at_once = run(make_spec(**method, **FIFTY, micro_batch_size=8))[1].curve()
    accumulated = run(make_spec(**method, **FIFTY, micro_batch_size=4))[1].curve()
    assert len(at_once) == 5
    assert_same_curve(accumulated, at_once)
    assert_same_curve(worker_results[f"fifty steps, {name}"][0]["curve"], at_once)
    assert_same_curve(worker_results[f"sharded, fifty steps, {name}"][0]["curve"], at_once)


@pytest.mark.parametrize("case", ["sharded bf16", "sharded bf16 qlora"])
def test_sharding_in_bf16_stays_within_its_noise(worker_specs: Specs, worker_results: Results, case: str) -> None:
    plain = run(worker_specs[case].model_copy(update={"precision": "fp32"}))[1].curve()
    assert_same_curve(worker_results[case][0]["curve"], plain, rel=0.01)


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ("in pieces", "accumulating"),
        ("in pieces, fewer blocks than workers", "fewer blocks than workers"),
    ],
)
def test_gradients_added_up_in_pieces_give_the_same_bits(worker_results: Results, pieces: str, whole: str) -> None:
    assert worker_results[pieces][0]["curve"] == worker_results[whole][0]["curve"]


def test_only_the_first_worker_reports(worker_results: Results) -> None:
    first, second = worker_results["even"]
    assert first["messages"] >= 3
    assert second["messages"] == 0


def test_a_stop_reaches_both_workers_at_the_same_step(worker_results: Results) -> None:
    ends = [rank["end"] for rank in worker_results["stop"]]
    assert [(end["state"], end["tokens"], end["workers"]) for end in ends] == [("stopped", 4 * STEP, 2)] * 2


@pytest.mark.parametrize("case", ["breaks on the second", "in pieces, breaks on the second"])
def test_one_worker_out_of_memory_ends_the_trial_on_both(worker_results: Results, case: str) -> None:
    for end in (rank["end"] for rank in worker_results[case]):
        assert (end["kind"], end["cause"]) == ("failure", "out_of_memory")
        assert "OutOfMemoryError: only here" in end["reason"]


def test_one_worker_out_of_memory_halves_the_micro_batch_of_both(worker_specs: Specs, worker_results: Results) -> None:
    first, second = worker_results["auto batch"]
    assert [rank["end"]["micro_batch_size"] for rank in (first, second)] == [1, 1]
    assert_same_curve(first["curve"], run(worker_specs["auto batch"])[1].curve())


def test_a_batch_that_one_worker_cannot_read_ends_a_sharded_trial_on_both(worker_results: Results) -> None:
    ends = [rank["end"] for rank in worker_results["sharded, unreadable on the second"]]
    assert [(end["kind"], end["cause"], end["reason"]) for end in ends] == [
        ("failure", "error", "OSError: the disk is gone")
    ] * 2


@pytest.mark.parametrize(
    ("case", "cause"), [("diverges", "diverged"), ("sharded diverges", "diverged"), ("bad spec", "bad_spec")]
)
def test_both_workers_fail_alike(worker_results: Results, case: str, cause: str) -> None:
    first, second = (rank["end"] for rank in worker_results[case])
    assert first == second
    assert first["cause"] == cause


def test_all_of_a_sharded_model_is_counted(worker_results: Results) -> None:
    sizes = ("params", "params_non_embedding", "trainable_params")
    whole, parts = (worker_results[case][0]["end"] for case in ("even", "after all of that, sharded"))
    assert [parts[size] for size in sizes] == [whole[size] for size in sizes]


def test_the_parts_of_a_model_are_half_of_it(worker_results: Results) -> None:
    whole = worker_results["even"][0]["held"]
    assert whole > 0
    for rank in worker_results["after all of that, sharded"]:
        assert rank["held"] == pytest.approx(whole / 2, rel=0.02)
