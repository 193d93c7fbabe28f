"""What can happen to a trial: its workers hang, run out of memory, diverge, or find a damaged checkpoint."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import Make
from tests.faults.faulty_trials import attempts
from tests.faults.sweeps import EXPERIMENT, ROOT, SPACE, Sweep, of_role

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.mark.parametrize("kind", ["hang", "stop"])
def test_a_hung_worker_is_started_afresh_and_its_trial_goes_on(kind: str, make_sweep: Make, undisturbed: Sweep) -> None:
    sweep = make_sweep(resources={"hung_seconds": 8})
    sweep.harm(law={"kind": kind, "at_step": 20, "times": 1})
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)
    (hung,) = [record for record in sweep.records() if record.attempts > 1]
    first, second = attempts(sweep.shared / "trace")[hung.id]
    assert first[-1] == 20
    assert 0 < second[0] <= 20  # from its checkpoint
    assert f"trial {hung.id}: lost its lane (no sign of life for 8 s (resources.hung_seconds)); attempt 2" in sweep.said


@pytest.mark.parametrize(
    ("kind", "words"), [("raise", "CUDA out of memory"), ("allocate", "DefaultCPUAllocator: can't allocate memory")]
)
def test_a_trial_without_memory_fails_with_its_reason_and_the_rest_goes_on(
    kind: str, words: str, make_sweep: Make
) -> None:
    sweep = make_sweep(trainer=EXPERIMENT["trainer"] | {"auto_batch": False})
    sweep.harm(search={"kind": kind, "at_step": 3, "times": 1})
    assert sweep.run() == 0, sweep.said
    (failed,) = [record for record in sweep.records() if record.state == "failed"]
    assert failed.reason.startswith("out_of_memory: out of memory while training (step 4), after a peak of ")
    assert words in failed.reason
    assert f"alone: python -m trainers train {sweep.output}/failed/{failed.id}.json" in sweep.said
    assert len(of_role(sweep.records(), "search", "completed")) == 1


def test_a_trial_without_memory_goes_on_with_smaller_batches_where_it_may(make_sweep: Make) -> None:
    sweep = make_sweep(trainer=EXPERIMENT["trainer"] | {"auto_batch": True})
    sweep.harm(search={"kind": "allocate", "at_step": 3, "times": 1})
    assert sweep.run() == 0, sweep.said
    searched = of_role(sweep.records(), "search", "completed")
    assert sorted(r.finished.micro_batch_size or 0 for r in searched if r.finished) == [2, 4]


def test_a_diverged_trial_shows_its_reason_everywhere_and_the_command_that_reproduces_it(make_sweep: Make) -> None:
    space = {
        "method": {"choices": ["full"]},
        "learning_rate": {"choices": [3e-3, 1.0]},
        "domain_ratio": {"choices": [0.5]},
    }
    search = {"space": space, "trials": 2, "max_tokens": "2k", "sampler": "grid", "pruner": "none"}
    sweep = make_sweep(search=search)
    assert sweep.run() == 0, sweep.said
    (failed,) = [record for record in sweep.records() if record.state == "failed"]
    assert failed.reason.startswith("diverged: ")
    report = (sweep.output / "report.html").read_text()
    tags = next(r.data.tags for r in sweep.mlflow_runs() if r.data.tags.get("sweeper.trial") == failed.id)
    (status,) = {r.info.status for r in sweep.mlflow_runs() if r.data.tags.get("sweeper.trial") == failed.id}
    reason = failed.reason.partition("diverged: ")[2]
    assert reason.split(";")[0] in report
    assert (tags["sweeper.reason"], tags["sweeper.reproduce"], status) == (failed.reason, failed.reproduce, "FAILED")
    alone = reproduced(failed.reproduce)
    assert alone.returncode == 1
    assert alone.stderr.strip().endswith(reason)


def reproduced(command: str) -> "subprocess.CompletedProcess[str]":
    _, *words = shlex.split(command)
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_too_many_failures_stop_the_sweep_with_a_diagnosis_and_nothing_is_lost(
    make_sweep: Make, undisturbed: Sweep
) -> None:
    space = SPACE | {"learning_rate": {"choices": [1e-3, 1.5e-3, 2e-3, 2.5e-3, 3e-3, 3.5e-3]}}
    search = EXPERIMENT["search"] | {"space": space, "trials": 6}
    sweep = make_sweep(search=search)
    sweep.harm(search={"kind": "error", "at_step": 3})
    assert sweep.run() == 1
    assert "error: 4 of 4 trials failed, more than resources.max_failed_share: 0.5 allows; the run stops" in sweep.said
    assert "most often (4 of 4): ValueError: the spec cannot be trained" in sweep.said
    assert "the spec cannot be trained" in (sweep.output / "report.html").read_text()
    assert {run.info.status for run in sweep.mlflow_runs()} == {"FAILED", "FINISHED"}
    sweep.harm()
    assert sweep.run() == 0, sweep.said
    assert len(of_role(sweep.records(), "search", "completed")) == 6
    assert not of_role(sweep.records(), "search", "failed")
    assert not list((sweep.output / "failed").iterdir())


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    damage: str, make_sweep: Make, undisturbed: Sweep
) -> None:
    sweep = make_sweep()
    sweep.harm(sleep=0.1)
    process = sweep.begin()
    try:
        sweep.wait_for(process, lambda rs: any(len(r.measurements) >= 3 for r in of_role(rs, "law", "running")))
    finally:
        process.kill()
        process.wait()
    (folder,) = [path for path in (sweep.shared / "checkpoints").iterdir() if len(list(path.glob("step-*"))) == 2]
    newest = sorted(folder.glob("step-*"))[-1]
    harm(newest, damage)
    assert sweep.run() == 0, sweep.said
    sweep.assert_whole(undisturbed)
    assert f"trial {folder.name}: checkpoint {newest.name} is damaged and passed over; goes on from " in sweep.said


def harm(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content[: len(content) // 2] if damage == "cut" else content)
