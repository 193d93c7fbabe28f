"""Two workers against one: the same curve, and agreement on every end."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.trainers.tiny import LENGTH, run
from trainers.spec import TrialSpec

STEP = 4 * LENGTH
Make = Callable[..., TrialSpec]
Results = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def specs(make_spec: Make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrialSpec]:
    """What the two workers run."""
    checkpoints = str(tmp_path_factory.mktemp("checkpoints") / "c")
    return {
        "even": make_spec(),
        "uneven": make_spec(global_batch_size=5, micro_batch_size=2, evaluate_at=()),
        "fewer blocks than workers": make_spec(global_batch_size=1, evaluate_at=()),
        "qlora": make_spec(method="qlora", learning_rate=2e-2),
        "stop": make_spec(rungs=(4 * STEP,)),
        "pause": make_spec(checkpoint_path=checkpoints),
        "resume": make_spec(checkpoint_path=checkpoints),
        "breaks on the second": make_spec(),
        "diverges": make_spec(learning_rate=300.0, max_tokens=60 * STEP, evaluate_at=(), schedule={}),
        "bad spec": make_spec(max_seq_length=65),
        "after all of that": make_spec(),
    }


@pytest.fixture(scope="module")
def results(specs: dict[str, TrialSpec], tmp_path_factory: pytest.TempPathFactory) -> Results:
    """By case, what rank 0 and rank 1 saw; one group of two processes runs all cases."""
    folder = tmp_path_factory.mktemp("workers")
    cases: dict[str, dict[str, Any]] = {name: {"spec": spec.model_dump(mode="json")} for name, spec in specs.items()}
    cases["stop"]["verdicts"] = {4 * STEP: "stop"}
    cases["pause"]["verdicts"] = {8 * STEP: "pause"}
    cases["breaks on the second"]["break"] = 1
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    command = [sys.executable, "-m", "tests.trainers.two_workers"]
    workers = [subprocess.Popen([*command, str(rank), str(folder)]) for rank in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    ranks = [json.loads((folder / f"rank{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]
    return {name: [rank[name] for rank in ranks] for name in cases}


@pytest.mark.parametrize("case", ["even", "uneven", "fewer blocks than workers", "qlora", "after all of that"])
def test_two_workers_give_the_curve_of_one(specs: dict[str, TrialSpec], results: Results, case: str) -> None:
    _, alone = run(specs[case])
    together = results[case][0]["curve"]
    assert alone.curve()
    assert [tokens for tokens, _ in together] == [tokens for tokens, _ in alone.curve()]
    for (_, ours), (_, theirs) in zip(together, alone.curve(), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_only_the_first_worker_reports(results: Results) -> None:
    first, second = results["even"]
    assert first["messages"] >= 3
    assert second["messages"] == 0


def test_a_stop_reaches_both_workers_at_the_same_step(results: Results) -> None:
    ends = [rank["end"] for rank in results["stop"]]
    assert [(end["state"], end["tokens"], end["workers"]) for end in ends] == [("stopped", 4 * STEP, 2)] * 2


def test_a_paused_trial_goes_on_where_it_was(specs: dict[str, TrialSpec], results: Results) -> None:
    assert results["pause"][0]["end"]["state"] == "paused"
    curve = results["pause"][0]["curve"] + results["resume"][0]["curve"]
    assert curve == results["even"][0]["curve"]


def test_one_worker_out_of_memory_ends_the_trial_on_both(results: Results) -> None:
    ends = [rank["end"] for rank in results["breaks on the second"]]
    assert [(end["kind"], end["cause"], end["reason"]) for end in ends] == [
        ("failure", "out_of_memory", "OutOfMemoryError: only here")
    ] * 2


@pytest.mark.parametrize(("case", "cause"), [("diverges", "diverged"), ("bad spec", "bad_spec")])
def test_both_workers_fail_alike(results: Results, case: str, cause: str) -> None:
    first, second = (rank["end"] for rank in results[case])
    assert first == second
    assert first["cause"] == cause
