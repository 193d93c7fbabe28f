import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from sweeper.experiment.samplers import Random, Sampler, Tpe
from sweeper.search.proposal import Proposal
from sweeper.search.source import SearchTrials
from sweeper.trials.record import TrialRecord
from tests.search.searched import OBJECTIVE, finish, measured, record_of, source_of, study


def states(path: Path) -> list[str]:
    return [trial.state.name for trial in study(path).trials()]


def test_objective_adds_the_penalty_only_above_the_limit() -> None:
    assert OBJECTIVE(measured(1, 3.0, docs=1.9)) == pytest.approx(3.0)
    assert OBJECTIVE(measured(1, 3.0, docs=2.1)) == pytest.approx(3.5)


def test_a_pruned_trial_is_told_pruned_and_not_complete(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 6)
    for loss in (1.0, 9.0, 9.5, 9.9, 0.5, 9.7):
        record = source.next()
        assert record is not None
        finish(source, record, loss)
    assert source.exhausted()
    pruned = [record for record in source.records if record.state == "pruned"]
    assert pruned and states(tmp_path).count("PRUNED") == len(pruned)
    assert states(tmp_path).count("COMPLETE") == 6 - len(pruned)


def test_every_method_is_tried_first(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 2)
    assert [source.next().spec.method, source.next().spec.method] == ["full", "qlora"]  # type: ignore[union-attr]


def test_rank_and_rate_follow_the_method(tmp_path: Path) -> None:
    source = SearchTrials(study(tmp_path), 12, OBJECTIVE, record_of)
    for _ in range(12):
        record = source.next()
        assert record is not None
        low, high = (1e-4, 1e-2) if record.spec.method == "full" else (1e-3, 1e-1)
        assert low <= record.spec.learning_rate <= high
        assert (record.spec.lora is None) == (record.spec.method == "full")
        finish(source, record, 1.0)


def test_an_interrupted_trial_is_continued_with_the_same_identity_and_no_other_is_asked(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 3)
    first, second = source.next(), source.next()
    assert first is not None and second is not None
    first.state = "paused"
    source.ended(first)  # `second` dies with the driver
    again = source_of(study(tmp_path), 3)
    assert {again.next().id, again.next().id} == {first.id, second.id}  # type: ignore[union-attr]
    third = again.next()
    assert third is not None and third.id not in {first.id, second.id}
    assert again.exhausted() and again.next() is None


def test_a_driver_that_died_while_it_asked_leaves_a_trial_that_can_go_on(tmp_path: Path) -> None:
    study(tmp_path)._study.ask()  # its parameters were not chosen yet
    half = study(tmp_path)._study.ask()
    method = half.suggest_categorical("method", ("full", "qlora"))
    source = source_of(study(tmp_path), 3)
    first, second = source.next(), source.next()
    assert first is not None and second is not None
    assert second.spec.method == method
    assert states(tmp_path) == ["RUNNING", "RUNNING"]


def test_a_finished_trial_is_told_without_being_run(tmp_path: Path) -> None:
    def completed(proposal: Proposal) -> TrialRecord:
        record = record_of(proposal)
        record.state, record.measurements = "completed", [measured(400, 1.5)]
        return record

    source = SearchTrials(study(tmp_path), 4, OBJECTIVE, completed)
    assert source.next() is None
    assert states(tmp_path) == ["COMPLETE"] * 4


def test_a_longer_search_tops_up_and_does_not_repeat_its_first_proposals(tmp_path: Path) -> None:
    rates: list[float] = []
    for trials in (4, 8):
        source = source_of(study(tmp_path), trials)
        while (record := source.next()) is not None:
            rates.append(record.spec.learning_rate)
            finish(source, record, 1.0)
    assert len(rates) == len(set(rates)) == 8


def test_a_trial_that_the_machine_failed_is_told_failed_and_samplers_ignore_it(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 1)
    record = source.next()
    assert record is not None
    record.state, record.reason = "failed", "CUDA out of memory"
    source.ended(record)
    assert states(tmp_path) == ["FAIL"]


def test_a_diverged_trial_is_told_pruned_and_ranks_behind_every_other(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 1)
    record = source.next()
    assert record is not None
    record.state, record.reason = "failed", "diverged: loss is not finite"
    source.ended(record)
    [told] = study(tmp_path).trials()
    assert told.state.name == "PRUNED" and told.constraints == {"constraint": 1e3}
    assert told.user_attrs["diverged"] is True


def test_the_constraint_is_told_beside_the_targets_plain_loss(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 1)
    record = source.next()
    assert record is not None
    record.measurements, record.state = [measured(400, 1.5, docs=2.25)], "completed"
    source.ended(record)
    [told] = study(tmp_path).trials()
    assert told.value == pytest.approx(1.5) and told.constraints == {"constraint": pytest.approx(0.25)}


def test_a_decision_is_taken_once(tmp_path: Path) -> None:
    assert study(tmp_path).frozen("rate", lambda: {"full": 1e-3}) == {"full": 1e-3}
    assert study(tmp_path).frozen("rate", lambda: {"full": 9e9}) == {"full": 1e-3}


def test_opening_a_study_again_writes_nothing(tmp_path: Path) -> None:
    source = source_of(study(tmp_path), 1)
    record = source.next()
    assert record is not None
    finish(source, record, 1.0)
    before = (tmp_path / "study.log").read_bytes()
    assert source_of(study(tmp_path), 1).exhausted()
    assert (tmp_path / "study.log").read_bytes() == before


def test_a_process_that_is_killed_while_it_writes_holds_up_nobody(tmp_path: Path) -> None:
    held = "from pathlib import Path; from sweeper.search.journal import KernelLock; import os, signal, sys\n"
    held += "KernelLock(Path(sys.argv[1])).acquire(); os.kill(os.getpid(), signal.SIGKILL)"
    lock = tmp_path / ".study.log.lock"
    assert subprocess.run([sys.executable, "-c", held, str(lock)], check=False).returncode == -signal.SIGKILL
    began = time.monotonic()
    study(tmp_path)
    assert time.monotonic() - began < 5


def test_optuna_is_kept_quiet() -> None:
    assert optuna.logging.get_verbosity() >= optuna.logging.WARNING


def lose(source: SearchTrials, reason: str) -> TrialRecord:
    """The next trial fails."""
    record = source.next()
    assert record is not None
    record.state, record.reason = "failed", reason
    source.ended(record)
    return record


@pytest.mark.parametrize("sampler", [Tpe(), Random()])
def test_a_trial_that_failed_is_asked_for_again_by_the_next_run_and_counts_once(
    sampler: Sampler, tmp_path: Path
) -> None:
    first = SearchTrials(study(tmp_path, sampler=sampler), 3, OBJECTIVE, record_of)
    lost = lose(first, "error: no space left on device")
    opened = study(tmp_path, sampler=sampler)
    opened.ask_again()
    opened.ask_again()  # a driver that died in between
    source = SearchTrials(opened, 3, OBJECTIVE, record_of)
    assert source.left() == 3
    ids = []
    for _ in range(3):
        record = source.next()
        assert record is not None
        ids.append(record.id)
        finish(source, record, 1.0)
    assert len(set(ids)) == 3 and lost.id in ids
    assert source.exhausted() and source.next() is None
    assert states(tmp_path).count("FAIL") == 1
    assert len(states(tmp_path)) == 4


def test_a_trial_that_diverged_is_not_asked_for_again(tmp_path: Path) -> None:
    lose(source_of(study(tmp_path), 3), "diverged: nan")
    opened = study(tmp_path)
    opened.ask_again()
    assert opened.waiting() == 0


def test_a_decision_is_decided_once_it_is_frozen(tmp_path: Path) -> None:
    assert not study(tmp_path).decided("settings")
    study(tmp_path).frozen("settings", lambda: 1)
    assert study(tmp_path).decided("settings")
