"""Whatever trials cost, however often the driver dies: what is spent stays within the budget."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.experiment.budget import Budget, BudgetUnit
from sweeper.lanes.source import FixedTrials
from sweeper.spending.ledger import WRITE_SECONDS, Ledger
from sweeper.spending.meter import FlopsMeter, Meter, TimeMeter, TokenMeter, end_of, next_evaluation
from sweeper.spending.pace import Pace
from sweeper.spending.parts import Forecast
from sweeper.spending.purse import Purse
from sweeper.spending.source import BudgetedTrials
from sweeper.trials.store import TrialStore
from tests.spending.made_up import STEP, Clock, Lanes
from tests.trial_records import spec
from trainers.estimate.estimated import Flops
from trainers.spec import TrialSpec

FLOPS = Flops(trained_token=6e3, recomputed_token=0, scored_token=2e3, training=0, evaluation=0)
STEP_SECONDS = 36.0
"""That a step takes by the guess; really a third of it to three times as long."""
ROUNDING = 1 + 1e-6


@dataclass(frozen=True)
class Case:
    """An experiment and what befalls it."""

    trials: list[tuple[str, list[int]]]
    """The role of each, and steps between its evaluations."""
    worth: float
    """The budget, as a share of what all trials cost."""
    lanes: int
    crashes: list[int]
    """Steps after which the driver dies, call by call; one more call ends the run."""
    failing: float
    seed: int

    @property
    def specs(self) -> list[TrialSpec]:
        return [_spec(k, *trial) for k, trial in enumerate(self.trials)]


def _spec(seed: int, role: str, intervals: list[int]) -> TrialSpec:
    points = tuple(STEP * sum(intervals[: k + 1]) for k in range(len(intervals)))
    fields = {"seed": seed, "max_tokens": points[-1], "evaluate_at": points, "rungs": points[:-1]}
    return spec(role, **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def quick_disk() -> Iterator[None]:
    """Nothing here dies with the machine: no write has to reach the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda file: None)
        yield


CASES = st.builds(
    Case,
    trials=st.lists(
        st.tuples(st.sampled_from(["search", "law"]), st.lists(st.integers(1, 4), min_size=1, max_size=4)),
        min_size=1,
        max_size=8,
    ),
    worth=st.floats(0.05, 1.5),
    lanes=st.integers(1, 4),
    crashes=st.lists(st.integers(0, 12), max_size=3),
    failing=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 2**16),
)


class Run:
    """Calls of one run on one folder, until one ends."""

    def __init__(self, case: Case, unit: BudgetUnit, folder: Path) -> None:
        self.case, self.unit, self.folder = case, unit, folder
        rng = random.Random(case.seed)
        seconds = {trial.id: STEP_SECONDS * 3 ** rng.uniform(-1, 1) for trial in case.specs}
        self.lanes = Lanes(case.lanes, Clock(), lambda trial: seconds[trial.id], rng, case.failing)
        meter = self.meter(TrialStore(folder / "none"))
        cost = sum(meter.upto(trial, end_of(trial)) for trial in case.specs)
        amount = case.worth * cost
        self.budget = Budget.model_validate({unit: max(1, round(amount)) if unit == "tokens" else amount})
        for steps in [*case.crashes, None]:
            self.spent = self._call(steps)

    def meter(self, store: TrialStore) -> Meter:
        if self.unit == "tokens":
            return TokenMeter()
        if self.unit == "flops":
            return FlopsMeter({("tiny", "full"): FLOPS})
        guess = 1000.0 * STEP / STEP_SECONDS
        return TimeMeter(Pace({"tiny": 1000.0}, guess, store), lambda trial: 1)

    def _call(self, steps: int | None) -> dict[str, float]:
        store = TrialStore(self.folder / "trials")
        meter, clock = self.meter(store), self.lanes.clock
        ledger = Ledger(self.folder / "spent.json", self.unit, meter, store, lambda trial: 1, clock)
        purse = Purse(self.budget, ledger, meter, lambda: Forecast(search=1e9, law=1e9, confirm=0.0))
        for role in ("search", "law"):
            records = [store.record(trial) for trial in self.case.specs if trial.role == role]
            waiting = FixedTrials([record for record in records if not record.is_final])
            source = BudgetedTrials(waiting, purse, "used up", in_order=True)
            if not source.exhausted() and not self.lanes.drive(source, [store, ledger], steps):
                break
            source.close()
        self.room = purse.room("law")
        return {str(part): amount for part, amount in ledger.spent().items()}

    def forgotten(self) -> float:
        """Hours that the drivers that died had not written down, at most."""
        return len(self.case.crashes) * WRITE_SECONDS / 3600

    def longest_intervals(self) -> list[float]:
        """Hours of the longest interval of each trial, the longest first."""
        found = []
        for trial in self.case.specs:
            steps = max(b - a for a, b in pairwise((0, *trial.evaluate_at))) / STEP
            found.append(steps * self.lanes.seconds(trial) / 3600)
        return sorted(found, reverse=True)


@settings(max_examples=40, deadline=None)
@given(case=CASES, unit=st.sampled_from(["tokens", "flops"]))
def test_tokens_and_operations_are_never_exceeded(case: Case, unit: BudgetUnit) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(case, unit, Path(folder))
        meter = run.meter(TrialStore(Path(folder) / "none"))
        really = sum(meter.upto(trial, run.lanes.trained.get(trial.id, 0)) for trial in case.specs)
        # A step of each trial may be younger than what a driver that dies has written down.
        forgotten = len(case.crashes) * case.lanes * meter.upto(case.specs[0], STEP)
        assert really <= run.budget.amount * ROUNDING + forgotten
        assert -1e-9 * really <= really - sum(run.spent.values()) <= forgotten * ROUNDING


@settings(max_examples=40, deadline=None)
@given(case=CASES)
def test_hours_of_workers_are_exceeded_by_one_interval_of_each_running_trial_at_most(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(case, "gpu_hours", Path(folder))
        really, forgotten = run.lanes.worker_seconds / 3600, case.lanes * run.forgotten()
        assert really <= (run.budget.amount + sum(run.longest_intervals()[: case.lanes])) * ROUNDING + forgotten
        assert -1e-9 <= really - sum(run.spent.values()) <= forgotten + 1e-9


@settings(max_examples=40, deadline=None)
@given(case=CASES)
def test_hours_on_the_clock_are_exceeded_by_the_longest_interval_at_most(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(case, "hours", Path(folder))
        really, forgotten = run.lanes.clock_seconds / 3600, run.forgotten()
        assert really <= (run.budget.amount + run.longest_intervals()[0]) * ROUNDING + forgotten
        assert -1e-9 <= really - sum(run.spent.values()) <= forgotten + 1e-9


@settings(max_examples=30, deadline=None)
@given(case=CASES)
def test_what_is_not_begun_does_not_fit(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(case, "tokens", Path(folder))
        for trial in case.specs:
            if trial.role == "law" and trial.id not in run.lanes.trained:
                assert next_evaluation(trial, 0) > run.room
