"""A failed trial by itself: a file with its spec in the output folder, and the command that runs it again."""

import json
import shlex
import shutil
from pathlib import Path

from sweeper.lanes.plan import LaneClasses
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Progress


class FailureFiles:
    """Keeps `FOLDER/TRIAL.json` for every failed trial (`sweeper.lanes.source.TrialObserver`).

    It comes before the other observers: they show and keep the command that it puts into the record.
    """

    def __init__(self, folder: Path, classes: LaneClasses) -> None:
        self._folder, self._classes = folder, classes

    def trial_started(self, record: TrialRecord) -> None:
        """Nothing is known of this attempt."""
        record.reproduce = ""

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Nothing to do."""

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Nothing to do."""

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Nothing to do."""

    def trial_ended(self, record: TrialRecord) -> None:
        """Write the file of a trial that has failed, delete that of one that has not."""
        path = self._folder / f"{record.id}.json"
        if record.state == "failed":
            self._write(record, path)
            record.reproduce = _command(path, self._classes.of(record.spec).num_workers)
        elif path.exists():
            path.unlink()
            shutil.rmtree(path.with_suffix(".model"), ignore_errors=True)

    def _write(self, record: TrialRecord, path: Path) -> None:
        """The spec as it was run, but that it neither takes up nor touches anything of the experiment's."""
        exported = str(path.with_suffix(".model")) if record.spec.export_path else None
        own = {"checkpoint_path": None, "branch_path": None, "branch_points": (), "export_path": exported}
        spec = self._classes.of(record.spec).adapted(record.spec).model_copy(update=own)
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(spec.model_dump(mode="json"), indent=1), encoding="utf-8")
        partial.replace(path)


def _command(path: Path, workers: int) -> str:
    launcher = "python" if workers == 1 else f"torchrun --nproc-per-node {workers}"
    return f"{launcher} -m trainers train {shlex.quote(str(path))}"
