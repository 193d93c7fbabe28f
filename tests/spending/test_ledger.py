"""What was spent, over calls."""

from pathlib import Path

from sweeper.experiment.budget import BudgetUnit
from sweeper.spending.ledger import Ledger
from sweeper.spending.meter import TimeMeter, TokenMeter
from sweeper.spending.pace import Pace
from sweeper.trials.record import TrialRecord
from tests.spending.made_up import Clock
from tests.trial_records import finished, measurement, record, spec
from trainers.messages import Progress


def opened(folder: Path, unit: BudgetUnit, clock: Clock, *records: TrialRecord) -> Ledger:
    meter = TokenMeter() if unit == "tokens" else TimeMeter(Pace({}, 1.0), lambda trial: 1)
    return Ledger(folder / "spent.json", unit, meter, records, lambda trial: 4, clock)


def test_trials_on_disk_were_paid_for(tmp_path: Path) -> None:
    trials = [record(spec("law", seed=k), [measurement(1024, 3.0, 4.0)]) for k in range(2)]
    trials.append(record(spec("search"), [measurement(2048, 3.0, 4.0)]))
    assert opened(tmp_path, "tokens", Clock(), *trials).spent() == {"search": 2048.0, "law": 2048.0, "confirm": 0.0}


def test_a_measurement_that_comes_again_counts_once(tmp_path: Path) -> None:
    ledger, trial = opened(tmp_path, "tokens", Clock()), TrialRecord(spec("law"))
    ledger.trial_started(trial)
    trial.measurements = [measurement(1024, 3.0, 4.0)]
    for _ in range(2):
        ledger.measured(trial, trial.measurements[0])
    assert ledger.spent()["law"] == 1024.0


def test_what_a_failed_trial_trained_since_its_last_measurement_counts_in_later_calls_too(tmp_path: Path) -> None:
    clock, trial = Clock(), TrialRecord(spec("law"))
    ledger = opened(tmp_path, "tokens", clock)
    ledger.trial_started(trial)
    ledger.progress(
        trial, Progress(tokens=900, train_loss=3.0, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=1.0)
    )
    trial.state, trial.reason = "failed", "error: made up"
    ledger.trial_ended(trial)
    assert ledger.spent()["law"] == 900.0
    assert opened(tmp_path, "tokens", clock, trial).spent()["law"] == 900.0


def test_hours_of_workers_and_of_the_clock_go_on_where_the_last_call_ended(tmp_path: Path) -> None:
    clock, trials = Clock(), [TrialRecord(spec("law", seed=k)) for k in range(2)]
    ledger = opened(tmp_path, "gpu_hours", clock)
    for trial in trials:
        ledger.trial_started(trial)
    clock.now += 3600.0
    ledger.trial_ended(trials[0])
    clock.now += 1800.0
    trials[1].finished = finished()
    ledger.trial_ended(trials[1])
    clock.now += 9999.0  # nothing runs
    assert ledger.spent()["law"] == 4 * 2.5
    assert ledger.spent_by(trials[0]) == 4.0
    assert opened(tmp_path, "gpu_hours", clock).spent()["law"] == 4 * 2.5
    assert opened(tmp_path, "hours", clock).spent()["law"] == 1.5


def test_a_driver_that_dies_has_written_the_time_down_not_long_before(tmp_path: Path) -> None:
    clock, trial = Clock(), TrialRecord(spec("law"))
    ledger = opened(tmp_path, "hours", clock)
    ledger.trial_started(trial)
    for tokens in range(1, 11):
        clock.now += 1.5
        ledger.progress(
            trial, Progress(tokens=tokens, train_loss=3.0, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=1.0)
        )
    assert 13.0 <= 3600 * opened(tmp_path, "hours", clock).spent()["law"] <= 15.0
