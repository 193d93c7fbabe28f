"""Lanes without Ray or training: losses are a function of the spec, and every rung is judged."""

import math
from collections.abc import Callable

from sweeper.lanes.source import TrialSource
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from tests.trial_records import finished, measurement
from trainers.messages import Measurement
from trainers.spec import TrialSpec

BEST_RATE = {"full": 1e-3, "qlora": 6e-3}
GAIN = {"full": 1.0, "qlora": 0.6}


class StepsTaken(Exception):
    """The process dies here."""


def measured(spec: TrialSpec, tokens: int) -> Measurement:
    """A bowl over the learning rate for each method; more domain text helps the domain and costs the general text."""
    off = math.log10(spec.learning_rate / BEST_RATE[spec.method])
    ratio, trained = spec.mixture.get("code", 0.0), (tokens / 240_000) ** 0.4
    luck = 0.002 * math.sin(1e4 * off + 7 * ratio + spec.seed)
    code = 4.0 - GAIN[spec.method] * (0.05 + ratio**0.4) * math.exp(-(off**2)) * trained + luck
    general = 3.0 + GAIN[spec.method] * 0.22 * ratio**2 * trained * 10 ** (0.3 * off) + luck
    return measurement(tokens, general, code)


class SteppedLanes:
    """Runs `lanes` trials side by side, a measurement of each in turn.

    Args:
        lanes: How many.
        store: Where records are written, as an observer would.
        steps: Measurements after which the process dies.
    """

    def __init__(self, store: TrialStore, lanes: int = 2, steps: float = math.inf) -> None:
        self._store, self._lanes, self._steps = store, lanes, steps
        self.measured: list[tuple[str, int]] = []
        """Trial and tokens of everything that was trained."""

    def run(self, source: TrialSource, check: Callable[[], None]) -> None:
        """Until the source is exhausted."""
        flying: list[TrialRecord] = []
        while True:
            while len(flying) < self._lanes and (record := source.next()) is not None:
                record.state = "running"
                self._store.trial_started(record)
                flying.append(record)
            if not flying:
                assert source.exhausted()
                return check()
            record = flying.pop(0)
            if self._advance(source, record):
                flying.append(record)

    def settle(self, record: TrialRecord) -> None:
        """Written down."""
        self._store.trial_ended(record)

    def _advance(self, source: TrialSource, record: TrialRecord) -> bool:
        if len(self.measured) >= self._steps:
            raise StepsTaken
        spec, done = record.spec, record.last.tokens if record.last else 0
        tokens = next(t for t in (*spec.evaluate_at, spec.max_tokens) if t > done)
        self.measured.append((record.id, tokens))
        record.measurements.append(measured(spec, tokens))
        self._store.measured(record, record.measurements[-1])
        if tokens >= max(spec.evaluate_at, default=spec.max_tokens):
            record.state, record.finished = "completed", finished(tokens=tokens)
        elif tokens in spec.rungs:
            verdict = source.judge(record, record.measurements[-1])
            record.state = {"pause": "paused", "stop": "pruned"}.get(verdict.action, "running")  # type: ignore[assignment]
            record.reason = verdict.reason
        if record.state == "running":
            return True
        source.ended(record)
        self._store.trial_ended(record)
        return False
