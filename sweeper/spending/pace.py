"""How fast trials run here, learnt from those that have."""

from bisect import insort
from collections.abc import Iterable, Mapping

from sweeper.trials.record import TrialRecord
from trainers.messages import Finished
from trainers.spec import TrialSpec

EVALUATION_COST = 1 / 3
"""Cost of scoring a token over that of training on it: a forward pass, no backward."""
GUESSED_SPEED = {"cpu": 8e9, "gpu": 5e12}
"""Parameters times tokens trained a second by one worker, where nothing was measured: 1.3 M parameters at 6,000
tokens/s a CPU core (measured); for a GPU a guess."""


class Pace:
    """Parameters times tokens a second of one lane: the median of trials of the same base model and method, else of all
    trials, else of measured base models, else a guess.

    Args:
        sizes: Parameters by base model.
        guess: Where nothing was measured.
        records: Trials there are already.
    """

    def __init__(self, sizes: Mapping[str, float], guess: float, records: Iterable[TrialRecord] = ()) -> None:
        self._sizes, self._guess = dict(sizes), guess
        self._kinds: dict[tuple[str, str], list[float]] = {}
        self._trained: list[float] = []
        self._measured_only: list[float] = []
        self.revision = 0
        """Changes with what is known."""
        for record in records:
            self.learn(record)

    @property
    def is_measured(self) -> bool:
        """Whether it is more than a guess."""
        return bool(self._trained or self._measured_only)

    def learn(self, record: TrialRecord) -> None:
        """Take in a trial that has ended."""
        end = record.finished
        if end is None:
            return
        self.revision += 1
        self._sizes.setdefault(record.spec.model.name, float(end.params))
        if end.tokens > 0:
            _add(self._trained, _training_speed(end))
            _add(self._kinds.setdefault(_kind(record.spec), []), _training_speed(end))
        elif end.evaluation_seconds > 0:
            _add(self._measured_only, EVALUATION_COST * end.evaluated_tokens * end.params / end.evaluation_seconds)

    def seconds(self, spec: TrialSpec, trained: float, scored: float) -> float:
        """How long a lane takes to train on and to score so many tokens."""
        known = self._kinds.get(_kind(spec)) or self._trained or self._measured_only or [self._guess]
        size = self._sizes.get(spec.model.name) or max(self._sizes.values(), default=1.0)
        return (trained + EVALUATION_COST * scored) * size / known[len(known) // 2]


def _training_speed(end: Finished) -> float:
    """Of this attempt alone: a trial that was continued has tokens of others."""
    trained = end.tokens_per_second * end.train_seconds
    return (trained + EVALUATION_COST * end.evaluated_tokens) * end.params / max(end.seconds, 1e-9)


def _add(speeds: list[float], speed: float) -> None:
    if speed > 0:
        insort(speeds, speed)


def _kind(spec: TrialSpec) -> tuple[str, str]:
    return spec.model.name, spec.method
