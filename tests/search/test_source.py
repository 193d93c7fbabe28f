import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from sweeper.experiment.distributions import Categorical, Float, Parameter
from sweeper.search.objective import Objective
from sweeper.search.proposal import Proposal
from sweeper.search.source import SearchTrials
from sweeper.search.study import Study
from sweeper.trials.record import TrialRecord
from trainers.messages import CorpusLoss, Measurement
from trainers.spec import CorpusRef, Lora, ModelRef, TrialSpec

SPACE = (
    Parameter("method", "method", Categorical(("full", "qlora"))),
    Parameter("learning_rate.full", "learning_rate", Float(1e-4, 1e-2, log=True), {"method": ("full",)}),
    Parameter("learning_rate.qlora", "learning_rate", Float(1e-3, 1e-1, log=True), {"method": ("qlora",)}),
    Parameter("lora_r", "lora_r", Categorical((4, 8, 16)), {"method": ("lora", "qlora")}),
    Parameter("domain_ratio", "domain_ratio", Float(0.1, 0.9)),
)
OBJECTIVE = Objective("code", "docs", limit=2.0, penalty=5.0)


def study(path: Path, seed: int = 0) -> Study:
    return Study(
        path / "study.log", "s", SPACE,
        sampler="tpe", startup_trials=3, pruner="successive_halving", rungs=(100, 200), seed=seed,
    )  # fmt: skip


def record_of(proposal: Proposal) -> TrialRecord:
    spec = TrialSpec(
        role="search",
        model=ModelRef(name="m", path="p", fingerprint="m"),
        method=proposal.method,  # type: ignore[arg-type]
        lora=Lora(r=proposal.lora_r, alpha=2 * proposal.lora_r) if proposal.lora_r else None,
        learning_rate=proposal.learning_rate,
        corpora=(CorpusRef(name="code", path="p", fingerprint="c"), CorpusRef(name="docs", path="p", fingerprint="d")),
        mixture={"code": proposal.domain_ratio, "docs": 1 - proposal.domain_ratio},
        max_tokens=400, max_seq_length=8, global_batch_size=8, seed=0, precision="fp32",
        evaluate_at=(100, 200, 400), rungs=(100, 200),
    )  # fmt: skip
    return TrialRecord(spec)


def measured(tokens: int, code: float, docs: float = 1.0) -> Measurement:
    losses = tuple(
        CorpusLoss(corpus=name, split="valid", nll=100 * loss, tokens=100, bytes=300, documents=())
        for name, loss in (("code", code), ("docs", docs))
    )
    return Measurement(tokens=tokens, step=1, lr_area=1, lr_fraction=1, losses=losses, unique_tokens={}, seconds=0)


def finish(source: SearchTrials, record: TrialRecord, loss: float) -> None:
    """Run a trial as the lanes do: rungs first, then the end unless it was pruned."""
    for tokens in (100, 200):
        record.measurements.append(measured(tokens, loss))
        if source.judge(record, record.measurements[-1]).action == "stop":
            record.state = "pruned"
            source.ended(record)
            return
    record.measurements.append(measured(400, loss))
    record.state = "completed"
    source.ended(record)


def states(path: Path) -> list[str]:
    return [trial.state.name for trial in study(path).trials()]


def test_objective_adds_the_penalty_only_above_the_limit() -> None:
    assert OBJECTIVE(measured(1, 3.0, docs=1.9)) == pytest.approx(3.0)
    assert OBJECTIVE(measured(1, 3.0, docs=2.1)) == pytest.approx(3.5)


def test_a_pruned_trial_is_told_pruned_and_not_complete(tmp_path: Path) -> None:
    source = SearchTrials(study(tmp_path), 6, OBJECTIVE, record_of)
    for loss in (1.0, 9.0, 9.5, 9.9, 0.5, 9.7):
        record = source.next()
        assert record is not None
        finish(source, record, loss)
    assert source.exhausted()
    pruned = [record for record in source.records if record.state == "pruned"]
    assert pruned and states(tmp_path).count("PRUNED") == len(pruned)
    assert states(tmp_path).count("COMPLETE") == 6 - len(pruned)


def test_every_method_is_tried_first(tmp_path: Path) -> None:
    source = SearchTrials(study(tmp_path), 2, OBJECTIVE, record_of)
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
    source = SearchTrials(study(tmp_path), 3, OBJECTIVE, record_of)
    first, second = source.next(), source.next()
    assert first is not None and second is not None
    first.state = "paused"
    source.ended(first)  # `second` dies with the driver
    again = SearchTrials(study(tmp_path), 3, OBJECTIVE, record_of)
    assert {again.next().id, again.next().id} == {first.id, second.id}  # type: ignore[union-attr]
    third = again.next()
    assert third is not None and third.id not in {first.id, second.id}
    assert again.exhausted() and again.next() is None


def test_a_driver_that_died_while_it_asked_leaves_a_trial_that_can_go_on(tmp_path: Path) -> None:
    study(tmp_path)._study.ask()  # its parameters were not chosen yet
    half = study(tmp_path)._study.ask()
    method = half.suggest_categorical("method", ("full", "qlora"))
    source = SearchTrials(study(tmp_path), 3, OBJECTIVE, record_of)
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
        source = SearchTrials(study(tmp_path), trials, OBJECTIVE, record_of)
        while (record := source.next()) is not None:
            rates.append(record.spec.learning_rate)
            finish(source, record, 1.0)
    assert len(rates) == len(set(rates)) == 8


def test_a_failed_trial_is_told_failed(tmp_path: Path) -> None:
    source = SearchTrials(study(tmp_path), 1, OBJECTIVE, record_of)
    record = source.next()
    assert record is not None
    record.state, record.reason = "failed", "diverged: loss is not finite"
    source.ended(record)
    assert states(tmp_path) == ["FAIL"]


def test_a_decision_is_taken_once(tmp_path: Path) -> None:
    assert study(tmp_path).frozen("rate", lambda: {"full": 1e-3}) == {"full": 1e-3}
    assert study(tmp_path).frozen("rate", lambda: {"full": 9e9}) == {"full": 1e-3}


def test_opening_a_study_again_writes_nothing(tmp_path: Path) -> None:
    source = SearchTrials(study(tmp_path), 1, OBJECTIVE, record_of)
    record = source.next()
    assert record is not None
    finish(source, record, 1.0)
    before = (tmp_path / "study.log").read_bytes()
    assert SearchTrials(study(tmp_path), 1, OBJECTIVE, record_of).exhausted()
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
