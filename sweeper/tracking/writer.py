"""Events into runs: one for the experiment, a child for each trial, each found again where it is there already."""

from collections.abc import Mapping
from pathlib import Path

from sweeper.tracking.client import FoundRun, RunClient
from sweeper.tracking.events import Event, experiment_tags

PARENT_TAG = "mlflow.parentRunId"
STATE_TAG = "sweeper.state"
SPEC_FILE = "spec.json"


class RunWriter:
    """Writes events; the same event twice is as good as once.

    Runs that an earlier process left RUNNING are set KILLED when the writer is made: one process at a time follows an
    experiment, so nothing can be behind them.
    """

    def __init__(self, client: RunClient, experiment: str, study: str, params: Mapping[str, str], start: int) -> None:
        self._client = client
        self._experiment = client.experiment(experiment)
        self.parent = self._open_parent(experiment, study, params, start)
        self._children = self._open_children()
        self._created: set[str] = set()
        """Runs of ours: they hold no metric but what was written here."""
        self._open: set[str] = set()
        """Children that are RUNNING."""
        self._steps: dict[tuple[str, str], int] = {}

    def state(self, trial: str) -> str:
        """The state of a trial as the store has it; empty where it has no run."""
        run = self._children.get(trial)
        return run.tags.get(STATE_TAG, "") if run else ""

    def write(self, event: Event) -> None:
        """Write one event; what concerns a run that someone has deleted is passed over."""
        if event.kind in ("metrics", "ended") and event.trial not in self._children:
            return
        match event.kind:
            case "trial":
                self._trial(event)
            case "metrics" | "result":
                self._log(self._run(event), event)
            case "ended":
                run = self._run(event)
                self._log(run, event)
                self._client.set_status(run, event.name, event.time)
                self._open.discard(run)
            case "artifact":
                if Path(event.name).exists():
                    self._client.log_file(self.parent, event.name, event.text)
            case "finish":
                for run in sorted(self._open):
                    self._interrupt(run, event.time)
                self._open.clear()
                self._client.set_status(self.parent, event.name, event.time)

    def _open_parent(self, name: str, study: str, params: Mapping[str, str], start: int) -> str:
        tags = experiment_tags(study)
        found = [
            run
            for run in self._client.find_runs(self._experiment, "sweeper.study", study)
            if run.tags.get("sweeper.role") == tags["sweeper.role"]
        ]
        if found:
            self._client.set_status(found[0].id, "RUNNING")
            return found[0].id
        run = self._client.create_run(self._experiment, name, tags, start)
        self._client.log(run, {}, params, {}, 0, start)
        return run

    def _open_children(self) -> dict[str, FoundRun]:
        children = {}
        for run in self._client.find_runs(self._experiment, PARENT_TAG, self.parent):
            if run.status == "RUNNING":
                self._interrupt(run.id, None)
                run = FoundRun(run.id, "KILLED", run.tags | {STATE_TAG: "interrupted"})
            children[run.tags.get("sweeper.trial", "")] = run
        return children

    def _interrupt(self, run: str, end: int | None) -> None:
        self._client.log(run, {}, {}, {STATE_TAG: "interrupted"}, 0, 0)
        self._client.set_status(run, "KILLED", end)

    def _trial(self, event: Event) -> None:
        found = self._children.get(event.trial)
        if found is not None:
            self._client.set_status(found.id, "RUNNING")
            self._client.log(found.id, {}, {}, event.tags, 0, event.time)
            self._open.add(found.id)
            return
        tags = event.tags | {PARENT_TAG: self.parent}
        run = self._client.create_run(self._experiment, event.name, tags, event.time)
        self._children[event.trial] = FoundRun(run, "RUNNING", tags)
        self._open.add(run)
        self._created.add(run)
        self._client.log(run, {}, event.params, {}, 0, event.time)
        self._client.log_text(run, event.text, SPEC_FILE)

    def _run(self, event: Event) -> str:
        return self._children[event.trial].id if event.trial else self.parent

    def _log(self, run: str, event: Event) -> None:
        fresh = {key: value for key, value in event.metrics.items() if event.step > self._last_step(run, key)}
        if fresh or event.tags:
            self._client.log(run, fresh, {}, event.tags, event.step, event.time)
        self._steps |= {(run, key): event.step for key in fresh}

    def _last_step(self, run: str, key: str) -> int:
        """Runs that were there before may hold the metric already: a resumed trial evaluates some points again."""
        if (run, key) not in self._steps:
            self._steps[run, key] = self._client.last_step(run, key) if run not in self._created else -1
        return self._steps[run, key]
