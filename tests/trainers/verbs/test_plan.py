import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainers.tiny import LENGTH
from trainers.__main__ import main
from trainers.spec import TrialSpec

Make = Callable[..., TrialSpec]
Capture = pytest.CaptureFixture[str]


def plan(spec: TrialSpec, folder: Path, *words: str) -> int:
    path = folder / "spec.json"
    path.write_text(spec.model_dump_json(), encoding="utf-8")
    return main(["plan", str(path), *words])


def test_says_what_a_trial_does_holds_and_computes(make_spec: Make, tmp_path: Path, capsys: Capture) -> None:
    assert plan(make_spec(), tmp_path, "--device", "cpu") == 0
    out = capsys.readouterr().out
    assert f"steps: 12 of {4 * LENGTH} tokens, {12 * 4 * LENGTH} tokens in all" in out
    assert "after steps 4, 8, 12, of 2 corpora; at most 1,536 tokens in all" in out
    for part in ("weights", "gradients", "optimizer", "activations", "logits", "workspace", "an evaluation", "peak"):
        assert f"\n  {part}" in out
    assert "5.53e+05 a token trained, 1.84e+05 a token scored" in out
    assert "MALLOC_MMAP_THRESHOLD_" in out


def test_json_has_every_part_and_the_sums(make_spec: Make, tmp_path: Path, capsys: Capture) -> None:
    assert plan(make_spec(), tmp_path, "--json", "--workers", "2") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["steps"], found["tokens"], found["scored_tokens"]) == (12, 768, 1536)
    assert (found["workers"], found["micro_batch"]) == (2, 2)
    step = found["step"]
    assert step.pop("total") == sum(step.values())
    assert found["peak"] == max(sum(step.values()), found["evaluation"], found["loading"])
    assert found["flops"]["total"] == found["flops"]["training"] + found["flops"]["evaluation"]


def test_auto_batch_shows_what_it_may_fall_back_to(make_spec: Make, tmp_path: Path, capsys: Capture) -> None:
    assert plan(make_spec(auto_batch=True), tmp_path, "--json") == 0
    peaks = json.loads(capsys.readouterr().out)["peak_by_micro_batch"]
    assert list(peaks) == ["4", "2", "1"]
    assert peaks["4"] > peaks["2"] > peaks["1"]
    assert plan(make_spec(auto_batch=True), tmp_path) == 0
    assert "auto_batch may fall back to (peak, MiB): 2 at once " in capsys.readouterr().out


def test_a_gpus_trial_is_planned_without_one(make_spec: Make, tmp_path: Path, capsys: Capture) -> None:
    spec = make_spec(optimizer="paged_adamw", max_seq_length=64)
    assert plan(spec, tmp_path, "--device", "cpu") == 2
    assert "optimizer: paged_adamw" in capsys.readouterr().err
    assert plan(spec, tmp_path, "--device", "cuda") == 0
    assert "MALLOC_MMAP_THRESHOLD_" not in capsys.readouterr().out


def test_libraries_say_nothing_of_what_does_not_run(make_spec: Make, tmp_path: Path, capsys: Capture) -> None:
    assert plan(make_spec(method="qlora"), tmp_path) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", [["--workers", "0"], ["--device", "tpu"]])
def test_a_bad_option_exits_with_2(make_spec: Make, tmp_path: Path, capsys: Capture, words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        plan(make_spec(), tmp_path, *words)
    assert end.value.code == 2
    assert words[1] in capsys.readouterr().err
