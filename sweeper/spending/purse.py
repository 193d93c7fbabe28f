"""Who may begin or go on: nothing is promised twice."""

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.experiment.budget import Budget
from sweeper.spending.ledger import Ledger
from sweeper.spending.meter import Meter, end_of, next_evaluation
from sweeper.spending.parts import Forecast, Part, Parts, divide
from sweeper.trials.record import TrialRecord

_ROUNDING = 1e-9
"""Of the budget: sums of floats may miss a limit by so much."""


@dataclass(frozen=True)
class _Promise:
    part: Part
    upto: float
    """What the trial may come to, on the scale of `Ledger.spent_by`."""


class Purse:
    """Promises running trials what they cost: to their end where that is there, else to their next evaluation.

    Args:
        budget: The budget.
        ledger: What was spent.
        meter: What trials cost.
        forecast: What the trials of the run are expected to cost; asked again as estimates change.
    """

    def __init__(self, budget: Budget, ledger: Ledger, meter: Meter, forecast: Callable[[], Forecast]) -> None:
        self._budget, self._ledger, self._meter, self._forecast = budget, ledger, meter, forecast
        self._promises: dict[str, _Promise] = {}
        """By trial."""
        self._running: dict[str, TrialRecord] = {}

    def parts(self) -> Parts:
        """What each part may spend."""
        return divide(self._budget.amount, self._budget.search_share, self._forecast(), self._ledger.spent())

    def room(self, part: Part, besides: str = "") -> float:
        """What a part may still promise; `besides` names a trial whose own promise does not count."""
        left = getattr(self.parts(), part) - self._ledger.spent()[part]
        if self._budget.unit == "hours":  # trials run side by side
            return float(left)
        return float(left - sum(self._outstanding(trial) for trial in self._promises if trial != besides))

    def grant(self, record: TrialRecord, part: Part, keep: float = 0.0, at: int = 0) -> bool:
        """Promise a trial its way on; False where the budget does not hold even the way to the next evaluation.

        The confirming run goes on as long as anything is left: estimates may fall short of it.

        Args:
            record: The trial.
            part: What pays.
            keep: What has to stay for others.
            at: Tokens where it stands, by the measurement that it waits at.
        """
        room = self.room(part, record.id) - keep
        stands = max(at, self._ledger.reached(record))
        spec, slack = record.spec, _ROUNDING * self._budget.amount
        here = self._meter.upto(spec, stands)
        for goal in (end_of(spec), next_evaluation(spec, stands)):
            need = max(0.0, self._meter.upto(spec, goal) - here)
            if need <= room + slack or (part == "confirm" and not self._meter.exact and room > 0):
                self._promises[record.id] = _Promise(part, self._ledger.spent_by(record) + need)
                self._running[record.id] = record
                return True
        return False

    def release(self, record: TrialRecord) -> None:
        """A trial has ended: what it did not use is free."""
        self._promises.pop(record.id, None)
        self._running.pop(record.id, None)

    def _outstanding(self, trial: str) -> float:
        return max(0.0, self._promises[trial].upto - self._ledger.spent_by(self._running[trial]))
