"""The tracker for MLflow: methods put events into a queue, one thread writes them."""

import queue
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.tracking import names
from sweeper.tracking.client import RunClient
from sweeper.tracking.delivery import Delivery
from sweeper.tracking.events import Event, ended_event, history, metrics_event, result_event, trial_event
from sweeper.tracking.interface import RunStatus
from sweeper.tracking.spool import Spool
from sweeper.tracking.writer import RunWriter
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement, Progress

SPOOL_FILE = "mlflow_spool.jsonl"
BEHIND = 100
"""Events in the queue from which on a trial's new sign of life takes the place of the one that waits."""


@dataclass
class _Latest:
    """A trial's sign of life that waits to be written; where the store is behind, the latest."""

    event: Event


class MlflowTracker:
    """One parent run an experiment, a child a trial. A store that fails costs a warning, never a trial."""

    def __init__(
        self,
        uri: str,
        connect: Callable[[], RunClient],
        output: Path,
        *,
        experiment: str,
        target: str,
        study: str,
        warn: Callable[[str], None],
    ) -> None:
        """Prepare; nothing is opened before `start`.

        Args:
            uri: MLflow's tracking URI, to show.
            connect: Opens the store; called on the tracker's thread.
            output: Folder for the spool.
            experiment: Name of the MLflow experiment.
            target: The corpus whose share is `domain_ratio`.
            study: What the experiment's run is found again by.
            warn: Shows a sentence to the user.
        """
        self.uri = uri
        self._connect = connect
        self._experiment, self._target, self._study, self._warn = experiment, target, study, warn
        self._spool = Spool(output / SPOOL_FILE)
        self._queue: queue.Queue[Event | _Latest | None] = queue.Queue()
        self._lock = threading.Lock()
        self._signs: dict[str, _Latest] = {}
        """The latest sign of life in the queue, by trial."""
        self._thread: threading.Thread | None = None
        self._delivery: Delivery | None = None

    @property
    def ui_command(self) -> str:
        """The command that shows the runs."""
        return f"mlflow ui --backend-store-uri {shlex.quote(self.uri)}"

    @property
    def pending(self) -> bool:
        """Whether something of an earlier process waits to be written."""
        return self._spool.path.exists()

    def start(self, params: Mapping[str, object], records: Iterable[TrialRecord] = ()) -> None:
        """Begin, or begin again; known trials that the store does not have, or has in another state, are written."""
        texts = {name: names.text(value) for name, value in params.items()}
        known = {r.id: (r.state, history(r, self._study, self._target)) for r in records if r.state != "running"}
        begun = int(time.time() * 1000)

        def open_writer() -> RunWriter:
            return RunWriter(self._connect(), self._experiment, self._study, texts, begun)

        self._delivery = Delivery(open_writer, self._spool, known, self._warn)
        self._thread = threading.Thread(target=self._work, args=(self._delivery,), name="mlflow", daemon=True)
        self._thread.start()

    def trial_started(self, record: TrialRecord) -> None:
        """A trial begins or goes on."""
        self._queue.put(trial_event(record, self._study, self._target))

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """A trial evaluated."""
        self._queue.put(metrics_event(record, names.measurement_metrics(measurement), measurement.tokens))

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """A sign of life of a trial."""
        event = metrics_event(record, names.progress_metrics(progress), progress.tokens)
        with self._lock:
            waiting = self._signs.get(record.id)
            if waiting is not None and self._queue.qsize() > BEHIND:
                waiting.event = event
                return
            waiting = self._signs[record.id] = _Latest(event)
        self._queue.put(waiting)

    def trial_ended(self, record: TrialRecord) -> None:
        """A trial ended; its record says how."""
        self._queue.put(ended_event(record))

    def result(self, values: Mapping[str, object]) -> None:
        """Findings of the experiment: numbers become metrics of its run, the rest tags."""
        self._queue.put(result_event(values))

    def artifact(self, path: str | Path, folder: str = "") -> None:
        """A file that belongs to the experiment."""
        self._queue.put(Event(kind="artifact", name=str(Path(path).resolve()), text=folder))

    def finish(
        self, status: RunStatus = "FINISHED", timeout_seconds: float = 30.0, at_most_seconds: float = 600.0
    ) -> None:
        """Write what is left; what is not written by then waits in the spool.

        Args:
            status: Of the experiment's run.
            timeout_seconds: How long nothing may be written: a store that is slow, or has missed a lot, gets all of it.
            at_most_seconds: In all.
        """
        if self._thread is None or self._delivery is None:
            return
        self._queue.put(Event(kind="finish", name=status))
        self._queue.put(None)
        deadline, written = time.monotonic() + at_most_seconds, -1
        while self._thread.is_alive() and self._delivery.written > written and time.monotonic() < deadline:
            written = self._delivery.written
            self._thread.join(min(timeout_seconds, max(0.0, deadline - time.monotonic())))
        if self._thread.is_alive():
            self._abandon(self._delivery)
        self._thread = None

    def _work(self, delivery: Delivery) -> None:
        delivery.open()
        while (waiting := self._queue.get()) is not None:
            delivery.deliver(self._taken(waiting))

    def _taken(self, waiting: Event | _Latest) -> Event:
        if isinstance(waiting, Event):
            return waiting
        with self._lock:
            if self._signs.get(waiting.event.trial) is waiting:
                del self._signs[waiting.event.trial]
            return waiting.event

    def _abandon(self, delivery: Delivery) -> None:
        """The thread hangs in a call: keep what it holds and what waits behind it."""
        delivery.abandon()
        while not self._queue.empty():
            waiting = self._queue.get_nowait()
            if waiting is not None:
                delivery.keep(self._taken(waiting))
        self._queue.put(None)
        self._warn(f"tracking: {self.uri} does not answer; what is left is in {self._spool.path}, for the next start")
