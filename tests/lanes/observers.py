"""Watching trials from a test."""

import time
from collections.abc import Callable

from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from trainers.messages import CONTINUE, Measurement, Progress, Verdict


class Watching:
    """Writes down what it hears, and calls what is set with the record: `on_started`, `on_measured`."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.notices: list[str] = []
        self.on_started: Callable[[TrialRecord], None] | None = None
        self.on_measured: Callable[[TrialRecord], None] | None = None

    def trial_started(self, record: TrialRecord) -> None:
        """Written down and passed on."""
        self.events.append(("started", record.id))
        if self.on_started is not None:
            self.on_started(record)

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Written down and passed on."""
        self.events.append((f"measured {measurement.tokens}", record.id))
        if self.on_measured is not None:
            self.on_measured(record)

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Written down."""
        self.events.append(("progress", record.id))

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Written down."""
        self.notices.append(text)

    def trial_ended(self, record: TrialRecord) -> None:
        """Written down."""
        self.events.append((record.state, record.id))


class Pruning(FixedTrials):
    """Fixed trials, stopped at a rung where the loss is above 1."""

    def judge(self, record: TrialRecord, measurement: Measurement) -> Verdict:
        return Verdict(action="stop", reason="too high") if measurement.loss("code") > 1 else CONTINUE


PROXY = "ProxyHost"
"""The class of the actors that run the proxies."""


def once(act: Callable[[TrialRecord], object]) -> Callable[[TrialRecord], None]:
    """`act` for the first call only."""
    waiting = [act]

    def call(record: TrialRecord) -> None:
        if waiting:
            waiting.pop()(record)

    return call


def actors(name: str) -> set[int]:
    """The processes of the living actors of a class, in the Ray that this process has joined."""
    import ray
    from ray.util.state import list_actors

    address = ray.get_runtime_context().gcs_address
    alive = list_actors(address, filters=[("class_name", "=", name), ("state", "=", "ALIVE")])
    return {int(actor.pid) for actor in alive}


def comes_true(condition: Callable[[], bool]) -> bool:
    """Ray ends processes and gives back what they held in its own time: it has ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
