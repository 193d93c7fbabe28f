"""A trial's model as a Hugging Face folder."""

import copy
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from sweeper.errors import SweeperError
from sweeper.experiment.model import Experiment
from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LaneClasses
from sweeper.lanes.source import TrialObserver
from sweeper.pipeline.alone import FailureFiles
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.lanes import lane_plans
from sweeper.pipeline.run import Watcher, run
from sweeper.pipeline.session import Session
from sweeper.pipeline.workspace import Workspace
from sweeper.trials.checkpoints import CheckpointRemover
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from trainers.messages import ExportedLoss
from trainers.spec import Record

ExportType = Literal["fp32", "bf16"]
DOCUMENT = "trial.json"
"""What says which trial a folder's model comes from."""


class SavedModel(Record):
    """What a folder's `trial.json` says of its model."""

    trial: str
    dtype: ExportType
    losses: tuple[ExportedLoss, ...]


@dataclass(frozen=True)
class Export:
    """A model that stands in a folder."""

    folder: Path
    model: SavedModel
    trained_again: bool

    def to_dict(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        return {
            "folder": str(self.folder),
            "trained_again": self.trained_again,
            **self.model.model_dump(mode="json"),
        }


def export(
    experiment: Experiment,
    output: Path,
    watcher: Watcher,
    *,
    trial: str | None = None,
    to: Path | None = None,
    dtype: ExportType | None = None,
    address: str | None = None,
) -> Export:
    """Have a trial's model in a folder; what is missing for it is computed.

    The confirming run keeps its model. Another trial, or another type of weights, takes training the trial again: the
    same spec gives the same model.

    Args:
        experiment: The experiment.
        output: Its folder.
        watcher: Shows progress.
        trial: Its id; None takes the confirming run, and first everything that leads to it.
        to: A folder to copy the model to; None leaves it in the output folder.
        dtype: Of the weights; None takes what is there, else the trial's compute precision.
        address: Of a Ray cluster, as for `run`.

    Raises:
        SweeperError: there is no such trial, or `to` holds something else.
        PhaseError: training failed.
    """
    if to is not None:
        _check_target(to)
    workspace = Workspace(output, storage=experiment.resources.storage)
    folder = workspace.model
    if trial is None:
        answer = run(experiment, output, watcher, address=address).answer
        if answer.confirmation is None:
            raise SweeperError(
                "budget: the confirming run has not come to its end, so that there is no model; raise the budget and "
                "call this again, or name another trial (--trial)"
            )
        trial = answer.confirmation.record.id
    elif not _matches(folder, trial, dtype):
        folder = workspace.model_of(trial)
    again = not _matches(folder, trial, dtype)
    if again:
        with workspace.locked():
            _train_again(experiment, workspace, watcher, trial, folder, dtype, address)
    saved = saved_model(folder)
    assert saved is not None
    return Export(folder if to is None else _copied(folder, to), saved, again)


def saved_model(folder: Path) -> SavedModel | None:
    """The model in a folder; None where there is none that a trial has saved."""
    path = folder / DOCUMENT
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return SavedModel(trial=found["trial"], **found["exported"])
    except (KeyError, TypeError, ValueError, ValidationError):
        return None  # somebody else's file of this name


def _matches(folder: Path, trial: str, dtype: ExportType | None) -> bool:
    found = saved_model(folder)
    return found is not None and found.trial == trial and dtype in (None, found.dtype)


def _train_again(
    experiment: Experiment,
    workspace: Workspace,
    watcher: Watcher,
    trial: str,
    folder: Path,
    dtype: ExportType | None,
    address: str | None,
) -> None:
    store, counts = TrialStore(workspace.trials), Counts()
    record = _known(store, trial, workspace)
    spec = record.spec.model_copy(update={"export_path": str(folder), "export_dtype": dtype})
    watcher.say(f"trial {trial} has kept no such model: it is trained again, {spec.max_tokens:,} tokens")
    watcher.phase("export", 1)
    before = copy.deepcopy(record)
    record.state = "paused"
    trained = False
    try:
        plans = lane_plans(experiment)
        files = FailureFiles(workspace.failed, LaneClasses(plans))
        observers: list[TrialObserver] = [files, store, CheckpointRemover(store), watcher]
        with Executor(plans, str(workspace.ray), observers, address) as executor:
            session = Session(experiment, workspace, store, executor, counts, watcher.say)
            session.require(session.run([spec], "export"), f"training {trial} again")
            trained = True
    finally:
        # What the trial once measured still holds where this attempt came to nothing.
        if not trained and before.state == "completed":
            store.save(before)


def _known(store: TrialStore, trial: str, workspace: Workspace) -> TrialRecord:
    record = store.get(trial)
    if record is None or record.state not in ("completed", "paused", "running"):
        ended = "no such trial" if record is None else f"trial {trial} was {record.state}"
        raise SweeperError(
            f"--trial: {ended} in {workspace.trials}; name one that completed (its record's file is called by its id)"
        )
    return record


def _check_target(to: Path) -> None:
    if to.exists() and not (to.is_dir() and (saved_model(to) is not None or not any(to.iterdir()))):
        raise SweeperError(f"--to: {to} holds something else than an exported model; name another folder")


def _copied(folder: Path, to: Path) -> Path:
    """Copy, and replace an earlier export only by a whole one."""
    temporary = to.with_name(f".{to.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        shutil.copytree(folder, temporary)
        if to.exists():
            shutil.rmtree(to)
        temporary.replace(to)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return to
