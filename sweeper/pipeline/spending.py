"""The budget of an experiment: what it is split into, what was spent, and what bounds a phase's trials."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeper.errors import SweeperError
from sweeper.experiment.budget import Budget, format_amount
from sweeper.experiment.model import Experiment
from sweeper.lanes.cluster import expected_lanes
from sweeper.lanes.source import FixedTrials, TrialSource
from sweeper.pipeline.costs import find_costs, planned_trials
from sweeper.pipeline.lanes import plan_for, target_plan
from sweeper.pipeline.prepare import Inputs
from sweeper.pipeline.specs import SpecFactory
from sweeper.spending.ledger import Ledger
from sweeper.spending.meter import FlopsMeter, Meter, TimeMeter, TokenMeter, end_of
from sweeper.spending.pace import GUESSED_SPEED, Pace
from sweeper.spending.parts import PART_OF_PURPOSE, PARTS, Forecast, Parts, divide
from sweeper.spending.purse import Purse
from sweeper.spending.source import BudgetedTrials
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from trainers.spec import TrialSpec

STOPPED = "the budget is used up"
"""In the reason of every trial that a budget stopped."""
_NEARLY = 0.9
"""Of an estimate: what counts as all of it."""
MARGIN = 1.1
"""Hours are estimates: a tenth more is set aside for the confirming run."""


class Spending:
    """One run's budget.

    Args:
        experiment: The experiment; it has a budget.
        factory: Builds its trials.
        meter: What they cost.
        ledger: What was spent.
        store: Trials there are already.
        lanes: How many trials run at a time.
    """

    def __init__(
        self,
        experiment: Experiment,
        factory: SpecFactory,
        meter: Meter,
        ledger: Ledger,
        store: TrialStore,
        lanes: int = 1,
    ) -> None:
        assert experiment.budget is not None
        self.budget: Budget = experiment.budget
        self.experiment, self.factory, self._meter, self.ledger = experiment, factory, meter, ledger
        self._store, self._side_by_side = store, lanes if self.budget.unit == "hours" else 1
        self._known: tuple[int, Forecast] | None = None
        self._purse = Purse(self.budget, ledger, meter, self.forecast)
        self._left_out: set[str] = set()

    # Ahead -----------------------------------------------------------------------------------------------------------

    def forecast(self) -> Forecast:
        """What the trials cost that nothing stops, with the dearest method where one is still to be chosen."""
        revision = self._meter.revision
        if self._known is None or self._known[0] != revision:
            self._known = revision, self._sum_up()
        return self._known[1]

    def cost(self, spec: TrialSpec) -> float:
        """Of one whole trial."""
        return self._meter.upto(spec, end_of(spec))

    def dearest(self, specs: Sequence[TrialSpec]) -> float:
        """What the dearest of some trials takes from a budget where all lanes are at work."""
        return max(map(self.cost, specs)) / self._side_by_side

    def parts(self) -> Parts:
        """What each part may spend in all; once the confirming run is paid for, no other is set aside."""
        spent, forecast = self.ledger.spent(), self.forecast()
        if spent["confirm"] >= _NEARLY * forecast.confirm:
            forecast = replace(forecast, confirm=0.0)
        return divide(self.budget.amount, self.budget.search_share, forecast, spent)

    def _sum_up(self) -> Forecast:
        sums = dict.fromkeys(PARTS, 0.0)
        for purpose, number, specs in planned_trials(self.experiment, self.factory):
            sums[PART_OF_PURPOSE[purpose]] += number * self.dearest(specs)
        sums["confirm"] *= self._side_by_side  # alone
        confirm = sums["confirm"] if self._meter.exact else MARGIN * sums["confirm"]
        if not self.is_sure:  # a guess may not set everything aside
            confirm = min(confirm, self.budget.amount / 2)
        return Forecast(sums["search"], sums["law"], confirm)

    @property
    def is_sure(self) -> bool:
        """Whether costs are more than a guess."""
        return self._meter.pace.is_measured if isinstance(self._meter, TimeMeter) else True

    # While trials run ------------------------------------------------------------------------------------------------

    def bound(self, source: TrialSource, before: Sequence[TrialSpec] = ()) -> BudgetedTrials:
        """A source within the budget.

        Args:
            source: Of a phase's trials.
            before: Later trials of the same part, which come before these where it cannot hold all.
        """
        return BudgetedTrials(
            source,
            self._purse,
            f"{STOPPED}, {self._field}",
            keep=lambda: sum(map(self._still, before)),
            in_order=isinstance(source, FixedTrials),
        )

    def settle(self, bounded: BudgetedTrials) -> None:
        """A phase is over: note what the budget did not let begin."""
        bounded.close()
        self._left_out.update(record.id for record in bounded.left_out)
        for record in bounded.left_out:
            if record.started_at:  # a driver that died left it as running
                self._store.save(record)

    def _still(self, spec: TrialSpec) -> float:
        """What a trial still costs."""
        record = self._store.get(spec.id)
        if record is None:
            return self.cost(spec)
        return 0.0 if record.is_final else self.cost(spec) - self._meter.upto(spec, self.ledger.reached(record))

    # For people ------------------------------------------------------------------------------------------------------

    def status(self) -> str:
        """Spent against the budget, for a line of progress."""
        return f"{self.said(sum(self.ledger.spent().values()))} of {self.budget.words} spent"

    @property
    def cut(self) -> list[TrialRecord]:
        """Trials that the budget stopped, in this call or before."""
        return [record for record in self._store if STOPPED in record.reason and record.started_at]

    @property
    def left_out(self) -> int:
        """How many trials it did not let begin."""
        return len(self._left_out - {record.id for record in self.cut})

    def hint(self) -> str:
        """What to do where too little was measured; empty where the budget stopped nothing."""
        if not self.cut and not self.left_out:
            return ""
        return (
            f"; {self._field} is used up but for the confirming run: {self.said(self.forecast().total)} hold "
            "everything that the file asks for; raise it, and the same command goes on"
        )

    def said(self, amount: float) -> str:
        """An amount in the budget's unit."""
        return format_amount(self.budget.unit, amount)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        parts, forecast, spent = self.parts(), self.forecast(), self.ledger.spent()
        return {
            "unit": self.budget.unit,
            "amount": self.budget.amount,
            "spent": sum(spent.values()),
            "estimated": not self._meter.exact,
            "parts": {
                part: {"has": getattr(parts, part), "planned": getattr(forecast, part), "spent": spent[part]}
                for part in PARTS
            },
            "trials_stopped": len(self.cut),
            "trials_left_out": self.left_out,
        }

    @property
    def _field(self) -> str:
        return f"budget.{self.budget.unit} ({self.budget.words})"


def open_spending(
    experiment: Experiment,
    inputs: Inputs,
    store: TrialStore,
    path: Path,
    clock: Callable[[], float] = time.monotonic,
) -> Spending | None:
    """The budget of an experiment, with what its output folder says was spent; None where it has none.

    Args:
        experiment: The experiment.
        inputs: Its corpora and base models, as found.
        store: Trials there are already.
        path: The ledger's file.
        clock: Seconds.

    Raises:
        SweeperError: operations are asked for that cannot be told.
    """
    budget = experiment.budget
    if budget is None:
        return None

    def workers(spec: TrialSpec) -> int:
        return plan_for(experiment, spec.model.name, spec.method).num_workers

    lanes, gpu = expected_lanes(target_plan(experiment))
    meter: Meter
    if budget.unit == "tokens":
        meter = TokenMeter()
    elif budget.unit == "flops":
        meter = _flops_meter(experiment, inputs)
    else:
        sizes = {base.name: float(base.params) for base in inputs.bases if base.params}
        pace = Pace(sizes, GUESSED_SPEED["gpu" if gpu else "cpu"], store)
        meter = TimeMeter(pace, workers if budget.unit == "gpu_hours" else (lambda spec: 1))
    ledger = Ledger(path, budget.unit, meter, store, workers, clock)
    return Spending(experiment, inputs.factory(), meter, ledger, store, lanes)


def _flops_meter(experiment: Experiment, inputs: Inputs) -> FlopsMeter:
    plan = target_plan(experiment)
    _, gpu = expected_lanes(plan)
    costs = find_costs(experiment, inputs, plan.num_workers, gpu)
    unknown = [kind for kind in costs.kinds if kind.estimate is None]
    if unknown:
        raise SweeperError(
            f"budget.flops: the operations of {unknown[0].base} ({unknown[0].method}) are not known before it runs "
            f"({unknown[0].unknown}); give the budget in tokens, gpu_hours or hours"
        )
    return FlopsMeter({(kind.base, kind.method): kind.estimate.flops for kind in costs.kinds if kind.estimate})
