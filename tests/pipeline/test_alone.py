import shlex
from pathlib import Path

from sweeper.lanes.plan import LaneClasses, LanePlan
from sweeper.pipeline.alone import FailureFiles
from tests.trial_records import record, spec
from trainers.spec_file import load_spec

ALONE = LaneClasses([LanePlan()])


def test_a_failed_trial_has_a_file_and_a_command_that_touch_nothing_of_the_experiment(tmp_path: Path) -> None:
    where = {"checkpoint_path": "/experiment/checkpoints", "export_path": "/experiment/model"}
    trial = record(spec(**where), [], "failed")
    FailureFiles(tmp_path / "a folder", ALONE).trial_ended(trial)
    *command, path = shlex.split(trial.reproduce)
    assert command == ["python", "-m", "trainers", "train"]
    written = load_spec(Path(path))
    assert written.id == trial.id
    assert written.checkpoint_path is None
    assert written.export_path == str(tmp_path / "a folder" / f"{trial.id}.model")


def test_a_trial_of_several_workers_is_run_by_several(tmp_path: Path) -> None:
    trial = record(spec(), [], "failed")
    FailureFiles(tmp_path, LaneClasses([LanePlan(num_workers=2)])).trial_ended(trial)
    assert trial.reproduce.startswith("torchrun --nproc-per-node 2 -m trainers train ")


def test_the_file_goes_when_the_trial_has_its_result(tmp_path: Path) -> None:
    files, trial = FailureFiles(tmp_path, ALONE), record(spec(), [], "failed")
    files.trial_ended(trial)
    trial.state = "running"
    files.trial_started(trial)
    assert trial.reproduce == ""
    trial.state = "completed"
    files.trial_ended(trial)
    assert not list(tmp_path.iterdir())
