"""Lanes that train at made-up speeds by a made-up clock, on the real desk."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sweeper.lanes.desk import Desk
from sweeper.lanes.source import TrialObserver, TrialSource
from sweeper.spending.meter import end_of, next_evaluation
from sweeper.trials.record import TrialRecord
from tests.trial_records import finished, measurement
from trainers.messages import Failure, Message, Progress
from trainers.spec import TrialSpec
from trainers.timetable import Timetable

STEP = 1024
"""Tokens a step of `tests.trial_records.spec`."""


@dataclass
class Clock:
    """Moves when it is told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class _Flight:
    key: str
    record: TrialRecord
    tokens: int
    due: float
    """When its next step is done."""


@dataclass
class Lanes:
    """Trains trials step by step, each lane at its trial's speed.

    Args:
        count: Lanes.
        clock: Moved on from step to step.
        seconds: That a step of a trial takes.
        rng: Whose trial fails.
        failing: How likely a step ends in a failure.
    """

    count: int
    clock: Clock
    seconds: Callable[[TrialSpec], float]
    rng: random.Random
    failing: float = 0.0
    checkpoints: dict[str, int] = field(default_factory=dict)
    """Tokens that a trial goes on from: the machine remembers them when the driver dies."""
    trained: dict[str, int] = field(default_factory=dict)
    """The farthest that each trial came."""
    worker_seconds: float = 0.0
    """Of all lanes that held a trial."""
    clock_seconds: float = 0.0
    """With a trial on some lane."""

    def drive(self, source: TrialSource, observers: Sequence[TrialObserver], steps: int | None = None) -> bool:
        """Run a source to its end; False where the driver died before, after so many steps."""
        desk, flying, keys = Desk(observers), list[_Flight](), 0
        desk.open(source)
        while True:
            while len(flying) < self.count and (record := desk.hand_out(str(keys))) is not None:
                begun = self.checkpoints.get(record.id, 0)
                flying.append(_Flight(str(keys), record, begun, self.clock.now + self.seconds(record.spec)))
                keys += 1
            if not flying:
                assert desk.over  # or a run would wait for ever
                return True
            if steps == 0:
                return False
            steps = None if steps is None else steps - 1
            flight = min(flying, key=lambda each: each.due)
            self._pass(flight.due - self.clock.now, len(flying))
            if self._step(desk, flight):
                flying.remove(flight)

    def _pass(self, seconds: float, lanes: int) -> None:
        self.clock.now += seconds
        self.clock_seconds += seconds
        self.worker_seconds += seconds * lanes

    def _step(self, desk: Desk, flight: _Flight) -> bool:
        """One step of one trial; True where it was its last."""
        spec = flight.record.spec
        step = Timetable.of(spec).tokens_per_step
        flight.tokens += step
        flight.due += self.seconds(spec)
        self.trained[spec.id] = max(self.trained.get(spec.id, 0), flight.tokens)
        _tell(desk, flight, _sign_of_life(flight.tokens))
        if self.rng.random() < self.failing:
            return self._end(
                desk, flight, Failure(cause="error", reason="made up", tokens=flight.tokens, repeatable=False)
            )
        if flight.tokens < next_evaluation(spec, flight.tokens - step):
            return False
        self.checkpoints[spec.id] = flight.tokens
        go_on = _tell(desk, flight, measurement(flight.tokens, 3.0, 4.0))
        over = flight.tokens == end_of(spec)
        if over or not go_on:
            state = "completed" if over else "paused" if desk.leaves else "stopped"
            return self._end(desk, flight, finished(tokens=flight.tokens).model_copy(update={"state": state}))
        return False

    def _end(self, desk: Desk, flight: _Flight, message: Message) -> bool:
        _tell(desk, flight, message)
        desk.complete(flight.key)
        if flight.record.is_final:
            self.checkpoints.pop(flight.record.id, None)
        return True


def _tell(desk: Desk, flight: _Flight, message: Message) -> bool:
    return desk.receive(flight.key, desk._flights[flight.key].read, [message.model_dump_json()])


def _sign_of_life(tokens: int) -> Progress:
    return Progress(tokens=tokens, train_loss=3.0, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=1.0)
