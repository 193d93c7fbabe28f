"""What a trial costs up to a token, in the unit of a budget."""

from collections.abc import Callable, Mapping
from typing import Protocol

from sweeper.spending.pace import Pace
from sweeper.trials.record import TrialRecord
from trainers.estimate.estimated import Flops
from trainers.evaluation.evaluation_size import evaluation_size, splits_at
from trainers.spec import Method, TrialSpec
from trainers.timetable import Timetable


class Meter(Protocol):
    """Counts one unit."""

    exact: bool
    """Whether costs are known before a trial runs; else they are estimates, and what was spent is read off a clock."""

    @property
    def revision(self) -> int:
        """Changes when costs do."""

    def upto(self, spec: TrialSpec, tokens: int) -> float:
        """What a trial costs from its start to `tokens`, the evaluations on the way included."""

    def learn(self, record: TrialRecord) -> None:
        """Take in a trial that has ended."""


class TokenMeter:
    """Counts training tokens."""

    exact = True
    revision = 0

    def upto(self, spec: TrialSpec, tokens: int) -> float:
        """The tokens themselves."""
        return float(tokens)

    def learn(self, record: TrialRecord) -> None:
        """Nothing to learn."""


class FlopsMeter:
    """Counts floating-point operations of training and evaluation.

    Args:
        kinds: Operations a token by base model and method; a trial of a kind that is not there, left over from an
            earlier file, counts as the dearest.
    """

    exact = True
    revision = 0

    def __init__(self, kinds: Mapping[tuple[str, Method], Flops]) -> None:
        self._kinds = dict(kinds)
        self._dearest = max(self._kinds.values(), key=lambda flops: flops.trained_token)

    def upto(self, spec: TrialSpec, tokens: int) -> float:
        """By the estimate of one token."""
        flops = self._kinds.get((spec.model.name, spec.method), self._dearest)
        return flops.trained_token * tokens + flops.scored_token * scored_tokens(spec, tokens)

    def learn(self, record: TrialRecord) -> None:
        """Nothing to learn."""


class TimeMeter:
    """Estimates hours.

    Args:
        pace: How fast trials run.
        workers: Of the lane that a trial runs on, where their hours are summed; 1 for hours on the clock.
    """

    exact = False

    def __init__(self, pace: Pace, workers: Callable[[TrialSpec], int]) -> None:
        self.pace, self._workers = pace, workers

    @property
    def revision(self) -> int:
        """The pace's."""
        return self.pace.revision

    def upto(self, spec: TrialSpec, tokens: int) -> float:
        """By the pace."""
        return self._workers(spec) * self.pace.seconds(spec, tokens, scored_tokens(spec, tokens)) / 3600

    def learn(self, record: TrialRecord) -> None:
        """How fast it was."""
        self.pace.learn(record)


def scored_tokens(spec: TrialSpec, tokens: int) -> int:
    """Held-out tokens that a trial has scored when its evaluation at `tokens` is done."""
    table = Timetable.of(spec)
    block = len(spec.corpora) * evaluation_size(spec, table).blocks * spec.max_seq_length
    return block * sum(len(splits_at(spec, table, step)) for step in table.evaluations if table.tokens(step) <= tokens)


def end_of(spec: TrialSpec) -> int:
    """Tokens after a trial's last step."""
    table = Timetable.of(spec)
    return table.tokens(table.n_steps)


def next_evaluation(spec: TrialSpec, tokens: int) -> int:
    """Tokens of the first evaluation beyond `tokens`; the end where there is none."""
    table = Timetable.of(spec)
    return next((t for step in table.evaluations if (t := table.tokens(step)) > tokens), table.tokens(table.n_steps))
