"""The driver's desk: trials in flight, between the source of a phase (above) and Tune (below). No Ray here."""

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from sweeper.lanes.flight import Flight
from sweeper.lanes.source import TrialObserver, TrialSource
from sweeper.lanes.switchboard import LANE
from sweeper.lanes.waiting_room import WaitingRoom
from sweeper.trials.record import TrialRecord
from trainers.messages import MESSAGE

P = ParamSpec("P")
T = TypeVar("T")
MAX_HAND_OUTS = 3
"""How often in a row, without a new measurement, a trial may lose its lane or its proxy before it counts as failed."""


def _told_to_the_phase(
    method: Callable[Concatenate["Desk", P], T],
) -> Callable[Concatenate["Desk", P], T | None]:
    """What goes wrong in a call of Tune's, as when the disk is full, is raised where the phase waits.

    Tune itself goes on, so that other trials can pause: it would print the error, and end.
    """

    @functools.wraps(method)
    def call(desk: "Desk", /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return method(desk, *args, **kwargs)
        except Exception as error:
            desk.broke(error)
            return None

    return call


class Desk:
    """Hands trials out, takes their messages in, passes verdicts back. Safe to call from several threads.

    Args:
        observers: Whoever keeps books.
        class_of: The class of lanes that a trial runs on.
    """

    def __init__(
        self, observers: Sequence[TrialObserver], class_of: Callable[[TrialRecord], str] = lambda record: LANE
    ) -> None:
        self._waiting = WaitingRoom(class_of)
        self._lock = threading.RLock()
        self._idle = threading.Condition(self._lock)
        self._observers = list(observers)
        self._source: TrialSource | None = None
        self._flights: dict[str, Flight] = {}
        self._hand_outs: dict[str, int] = {}
        self._abandoned: list[str] = []
        self._closing = False
        self._hungry = False
        """Whether the source had no trial when it was last asked, but may have one when others report."""
        self._broken: BaseException | None = None
        self.generation = 0

    def __reduce__(self) -> tuple[type["Desk"], tuple[tuple[()]]]:
        """Tune pickles its searcher for a restore that nobody asks for: the copy is an empty desk."""
        return Desk, ((),)

    def __deepcopy__(self, memo: object) -> "Desk":
        """There is one desk."""
        return self

    def observe(self, observer: TrialObserver) -> None:
        """One more hears of trials, after those there are."""
        with self._lock:
            self._observers.append(observer)

    # The phase's side ------------------------------------------------------------------------------------------------

    def open(self, source: TrialSource) -> None:
        """Begin to hand out the trials of a source."""
        with self._lock:
            self._source = source
            self._waiting.begin()
            self.generation += 1

    def make_room(self, room: Mapping[str, int]) -> None:
        """How many trials of each class may be out from now on."""
        with self._lock:
            if self._waiting.make_room(room):
                self.generation += 1

    def wanted(self) -> dict[str, int]:
        """How many lanes of each class could be at work now."""
        with self._lock:
            to_come = self._source.left() if self._source is not None and not self._closing else 0
            return self._waiting.wanted(self._out(), to_come)

    def wait(self, timeout: float) -> bool:
        """True once the source is exhausted and none of its trials is in flight; False after `timeout` seconds.

        Raises:
            BaseException: what ended the thread that runs Tune.
        """
        with self._idle:
            self._idle.wait_for(lambda: self._over() or self._broken is not None, timeout)
            if self._broken is not None:
                raise self._broken
            return self._over()

    def close(self) -> None:
        """Hand out nothing more; Tune may end once the last trial has."""
        with self._lock:
            self._closing = True
            self.generation += 1

    def broke(self, error: BaseException) -> None:
        """Tune's thread has ended with an error: tell whoever waits."""
        with self._idle:
            self._broken = self._broken or error
            self._idle.notify_all()

    @property
    def over(self) -> bool:
        """True where no trial is in flight and none will be handed out."""
        with self._lock:
            return self._over()

    @property
    def leaves(self) -> bool:
        """Whether trials that are told to return may be given out again."""
        return self._source is not None and self._source.leaves

    def settle(self, record: TrialRecord) -> None:
        """A trial that was paused is over, without having been given out again."""
        with self._lock:
            for observer in self._observers:
                observer.trial_ended(record)

    def abandoned(self) -> list[str]:
        """Trials given up since the last call because what ran them broke too often; they may still hold a lane."""
        with self._lock:
            abandoned, self._abandoned = self._abandoned, []
            return abandoned

    # Tune's side -----------------------------------------------------------------------------------------------------

    @property
    def closing(self) -> bool:
        """True when no trial will be handed out any more."""
        return self._closing

    @property
    def proxies(self) -> int:
        """How many Tune trials there is use for: one for each trial that may be out, at least one to stand by."""
        return max(1, self._waiting.size)

    @_told_to_the_phase
    def hand_out(self, key: str) -> TrialRecord | None:
        """The next trial, under Tune's `key`; None where there is none."""
        with self._lock:
            if self._closing or self._source is None:
                return None
            record = self._waiting.next(self._source, self._out())
            if record is None:
                self._hungry = not self._source.exhausted()
                self._idle.notify_all()
                return None
            left = self.leaves and record.state == "paused"
            record.state, record.attempts = "running", record.attempts + 1
            record.started_at, record.reason = record.started_at or time.time(), ""
            self._flights[key] = Flight(record, self._observers, self._source.judge, left=left)
            for observer in self._observers:
                observer.trial_started(record)
            return record

    @_told_to_the_phase
    def receive(self, key: str, first: int, messages: Sequence[str], node: str = "") -> bool:
        """Take in messages from `node`, the first with the index `first`; False where the trial is to stop."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                return False
            flight.record.node = node or flight.record.node
            for text in messages[flight.read - first :]:
                flight.read += 1
                flight.take(MESSAGE.validate_json(text))
            if flight.gets_on:  # whatever happened to it before
                self._hand_outs.pop(flight.record.id, None)
            return not flight.pruned

    @_told_to_the_phase
    def complete(self, key: str, lost: str = "") -> None:
        """Tune is through with a trial; `lost` says what broke under it, and it is handed out again."""
        with self._idle:
            flight = self._flights.pop(key, None)
            if flight is None:
                return
            if lost and flight.record.state == "running" and not self._closing and self._once_more(flight, lost):
                self._waiting.put(flight.record)
                self.generation += 1
            else:
                self._end(flight)
                self._feed()
            self._idle.notify_all()

    @_told_to_the_phase
    def move(self, key: str) -> None:
        """A trial's lane was lost with its machine, which is not the trial's fault: it goes on elsewhere."""
        with self._idle:
            flight = self._flights.get(key)
            if flight is None or flight.record.state != "running" or self._closing:
                self.complete(key)
                return
            del self._flights[key]
            self._waiting.put(flight.record, first=True)
            self.generation += 1

    # -----------------------------------------------------------------------------------------------------------------

    def _out(self) -> list[TrialRecord]:
        return [flight.record for flight in self._flights.values()]

    def _over(self) -> bool:
        waiting = self._source is not None and (bool(self._waiting) or not self._source.exhausted())
        return not self._flights and (self._closing or not waiting)

    def _feed(self) -> None:
        """A source that waited for others to report may have a trial now: wake who stands by."""
        if self._hungry:
            self._hungry = False
            self.generation += 1

    def _once_more(self, flight: Flight, lost: str) -> bool:
        record = flight.record
        times = self._hand_outs[record.id] = self._hand_outs.get(record.id, 0) + 1
        if times < MAX_HAND_OUTS:
            flight.notice(f"lost its lane ({lost}); attempt {record.attempts + 1} follows")
            return True
        self._abandoned.append(record.id)
        record.state, record.reason = "failed", f"error: lost {times} times in a row ({lost})"
        return False

    def _end(self, flight: Flight) -> None:
        record = flight.record
        if flight.pruned:
            record.state, record.reason = "paused" if self.leaves else "pruned", flight.pruned
        elif record.state == "running":
            record.state = "paused"
        record.ended_at = time.time()
        # Written down before the study is told: a driver that dies in between tells it when it comes back.
        for observer in self._observers:
            observer.trial_ended(record)
        if self._source is not None:
            self._source.ended(record)
