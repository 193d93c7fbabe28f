"""Who begins, who waits, who is stopped; tokens are the unit, and every trial is 4,096 in four intervals."""

from pathlib import Path

from sweeper.experiment.budget import Budget
from sweeper.lanes.source import FixedTrials
from sweeper.spending.ledger import Ledger
from sweeper.spending.meter import TokenMeter
from sweeper.spending.parts import Forecast
from sweeper.spending.purse import Purse
from sweeper.spending.source import BudgetedTrials
from sweeper.trials.record import TrialRecord
from tests.trial_records import base_record, measurement, spec
from trainers.messages import Verdict

POINTS = (1024, 2048, 3072, 4096)


class Asked(FixedTrials):
    """As a search: one after another, stopped for good where it says so."""

    leaves = False

    def __init__(self, records: list[TrialRecord], stop_at: int = 0) -> None:
        super().__init__(records)
        self._stop_at = stop_at
        self.ends: list[str] = []

    def judge(self, record: TrialRecord, measurement: object) -> Verdict:
        tokens = measurement.tokens  # type: ignore[attr-defined]
        return Verdict(action="stop", reason="poor") if tokens == self._stop_at else Verdict()

    def ended(self, record: TrialRecord) -> None:
        self.ends.append(record.state)


class Bench:
    """A budget and its trials, with no lanes: the test says how far they come."""

    def __init__(self, folder: Path, tokens: int, trials: int, *, in_order: bool, stop_at: int = 0) -> None:
        self.records = [
            TrialRecord(spec("law", seed=k, max_tokens=4096, evaluate_at=POINTS, rungs=POINTS[:-1]))
            for k in range(trials)
        ]
        self.ledger = Ledger(folder / "spent.json", "tokens", TokenMeter(), [], lambda trial: 1)
        forecast = Forecast(search=0.0, law=1e9, confirm=0.0)
        self.purse = Purse(Budget(tokens=tokens), self.ledger, TokenMeter(), lambda: forecast)
        self.asked = Asked(list(self.records), stop_at)
        self.source = BudgetedTrials(self.asked, self.purse, "used up", in_order=in_order)

    def begin(self) -> TrialRecord | None:
        record = self.source.next()
        if record is not None:
            record.started_at = 1.0
            self.ledger.trial_started(record)
        return record

    def come_to(self, record: TrialRecord, tokens: int) -> Verdict:
        record.measurements = [measurement(tokens, 3.0, 4.0)]
        self.ledger.measured(record, record.measurements[0])
        return self.source.judge(record, record.measurements[0])

    def end(self, record: TrialRecord, state: str = "completed") -> None:
        record.state = state  # type: ignore[assignment]
        self.ledger.trial_ended(record)
        self.source.ended(record)


def test_trials_are_promised_their_whole_way_as_long_as_it_is_there(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2 * 4096 + 1024, 3, in_order=True)
    first, second, third = (bench.begin() for _ in range(3))
    assert first and second and third
    assert bench.come_to(third, 1024).action == "pause"  # it had its first interval alone
    assert [bench.come_to(first, tokens).action for tokens in POINTS[:-1]] == ["continue"] * 3
    assert [bench.come_to(second, tokens).action for tokens in POINTS[:-1]] == ["continue"] * 3


def test_what_a_stopped_trial_does_not_use_lets_a_waiting_one_begin(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 4096 + 1023, 2, in_order=False, stop_at=1024)
    first = bench.begin()
    assert first is not None
    assert bench.begin() is None
    assert not bench.source.exhausted()
    assert bench.source.left() == 1
    assert bench.come_to(first, 1024).reason == "poor"
    bench.end(first, "pruned")
    assert bench.begin() is bench.records[1]


def test_what_never_fits_is_given_back_as_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 4096 + 1023, 3, in_order=False)
    first = bench.begin()
    assert first is not None
    first.measurements = [measurement(4096, 3.0, 4.0)]
    bench.end(first)
    assert bench.source.exhausted()
    bench.source.close()
    assert bench.source.left_out == [bench.records[1]]
    assert (bench.records[1].state, bench.records[1].reason) == ("running", "")
    assert bench.asked.ends == ["completed", "paused"]
    assert bench.asked.left() == 1  # a search is not asked for more than one that waits


def test_in_a_fixed_order_a_cheaper_one_behind_may_fit(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1000, 1, in_order=True)
    cheap = TrialRecord(spec("law", seed=9, max_tokens=512, global_batch_size=4, evaluate_at=(), rungs=()))
    bench.asked._waiting.append(cheap)
    assert bench.begin() is cheap


def test_a_trial_of_a_search_is_stopped_for_good(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1024, 1, in_order=False)
    first = bench.begin()
    assert first is not None
    verdict = bench.come_to(first, 1024)
    assert (verdict.action, verdict.reason) == ("stop", "at 1024 tokens: used up")
    assert bench.source.cut == [first]
    assert not bench.source.leaves


def test_what_has_to_stay_for_others_is_not_promised(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3 * 4096, 2, in_order=True)
    bounded = BudgetedTrials(
        FixedTrials(bench.records), bench.purse, "used up", in_order=True, keep=lambda: 2 * 4096 + 3073.0
    )
    assert bounded.exhausted()


def test_base_models_are_not_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, 0, in_order=True)
    base = base_record()
    assert BudgetedTrials(FixedTrials([base]), bench.purse, "used up").next() is base
    bench.ledger.trial_started(base)
    assert sum(bench.ledger.spent().values()) == 0.0
