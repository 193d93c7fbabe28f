"""A trial that goes on with other workers than it began with."""

from pathlib import Path

import pytest
import torch

from tests.trainers.test_workers import Specs, assert_same_curve
from tests.trainers.tiny import run
from tests.trainers.worker_cases import QLORA, STEP, Make, Results


@pytest.mark.parametrize(("kind", "other"), [("", "even"), ("sharded ", "after all of that, sharded")])
def test_a_paused_trial_goes_on_bit_for_bit_on_both_workers(worker_results: Results, kind: str, other: str) -> None:
    paused, resumed = worker_results[f"{kind}pause"], worker_results[f"{kind}resume"]
    assert [rank["end"]["state"] for rank in paused] == ["paused"] * 2
    assert paused[0]["curve"] + resumed[0]["curve"] == worker_results[other][0]["curve"]


@pytest.mark.parametrize("case", ["from one", "sharded from one"])
def test_from_one_worker_to_two_and_back_the_curve_is_the_same(
    make_spec: Make, worker_specs: Specs, worker_results: Results, case: str
) -> None:
    straight = run(make_spec())[1].curve()
    middle = worker_results[case][0]
    assert (middle["end"]["state"], middle["end"]["tokens"]) == ("paused", 8 * STEP)
    end, last = run(worker_specs[case])
    assert end.kind == "finished"
    assert [tokens for tokens, _ in last.curve()] == [12 * STEP]
    assert_same_curve(middle["curve"] + last.curve(), straight[1:])


def test_a_sharded_qlora_trial_ends_on_one_worker(
    make_spec: Make, worker_specs: Specs, worker_results: Results
) -> None:
    case = "sharded qlora to one"
    _, last = run(worker_specs[case])
    assert_same_curve(worker_results[case][0]["curve"] + last.curve(), run(make_spec(**QLORA))[1].curve())


def test_a_sharded_model_is_exported_whole(
    make_spec: Make, worker_specs: Specs, worker_results: Results, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    run(make_spec(export_path=str(tmp_path / "alone")))
    alone = load_file(tmp_path / "alone" / "model.safetensors")
    assert worker_results["sharded export"][0]["end"]["kind"] == "finished"
    exported = load_file(Path(str(worker_specs["sharded export"].export_path)) / "model.safetensors")
    assert exported.keys() == alone.keys()
    for name, values in alone.items():
        torch.testing.assert_close(exported[name], values, rtol=1e-3, atol=1e-5)
