from pathlib import Path

import pytest

from sweeper.trials.checkpoints import CheckpointRemover
from sweeper.trials.record import State
from sweeper.trials.store import TrialStore
from tests.trial_records import record, spec

ENDS: list[tuple[State, str, bool]] = [
    ("completed", "", False),
    ("pruned", "", False),
    ("failed", "diverged: nan", False),
    ("failed", "error: lost", True),
    ("paused", "", True),
]


@pytest.mark.parametrize(("state", "reason", "kept"), ENDS)
def test_only_a_trial_that_will_not_go_on_loses_its_checkpoints(
    state: State, reason: str, kept: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    trial = record(spec(checkpoint_path=str(folder)), [], state)
    trial.reason = reason
    CheckpointRemover(TrialStore(tmp_path / "trials")).trial_ended(trial)
    assert folder.exists() is kept


def test_what_a_driver_that_died_left_behind_is_deleted_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    TrialStore(tmp_path / "trials").save(record(spec(checkpoint_path=str(folder)), [], "completed"))
    CheckpointRemover(TrialStore(tmp_path / "trials"))
    assert not folder.exists()
