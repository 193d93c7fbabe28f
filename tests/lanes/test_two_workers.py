"""Trials on one real lane of two workers, data parallel over gloo."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LanePlan
from sweeper.lanes.source import FixedTrials
from sweeper.trials.record import TrialRecord
from tests.lanes.fake_trials import RUNNER, fake_spec
from tests.lanes.observers import Pruning, actors
from tests.trainers import tiny
from trainers.spec import CorpusRef, ModelRef, TrialSpec

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def lane(local_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    storage = str(tmp_path_factory.mktemp("storage"))
    with Executor(LanePlan(lanes=1, num_workers=2), storage, runner=RUNNER) as executor:
        yield executor


def run(lane: Executor, *records: TrialRecord) -> None:
    lane.run(FixedTrials(records))


def test_trials_follow_each_other_on_both_workers(lane: Executor) -> None:
    records = [TrialRecord(fake_spec(seed)) for seed in range(3)]
    run(lane, *records)
    assert [record.state for record in records] == ["completed"] * 3
    ends = [record.finished for record in records if record.finished]
    assert [end.workers for end in ends] == [2] * 3
    assert len({end.device for end in ends}) == 1


def test_pruning_reaches_both_workers_and_the_lane_is_free_for_the_next_trial(lane: Executor) -> None:
    bad = [TrialRecord(fake_spec(seed, steps=200, rungs=(200,), learning_rate=5)) for seed in range(10, 12)]
    good = TrialRecord(fake_spec(12, rungs=(200,), learning_rate=0.5))
    before = actors("Lane") | actors("RayTrainWorker")
    lane.run(Pruning([*bad, good]))
    assert [(record.state, [m.tokens for m in record.measurements]) for record in bad] == [("pruned", [100, 200])] * 2
    assert (good.state, len(good.measurements)) == ("completed", 3)
    assert actors("Lane") | actors("RayTrainWorker") == before


def test_a_real_trial_measures_what_it_measures_in_one_process(lane: Executor, tmp_path: Path) -> None:
    spec = real_spec(tmp_path)
    record = TrialRecord(spec)
    run(lane, record)
    _, alone = tiny.run(spec)
    assert record.state == "completed", record.reason
    assert record.finished is not None
    assert record.finished.workers == 2
    assert [m.tokens for m in record.measurements] == [m.tokens for m in alone.measurements]
    assert len(record.measurements) == 3
    for ours, theirs in zip(record.measurements, alone.measurements, strict=True):
        for corpus in ("general", "code"):
            assert ours.loss(corpus) == pytest.approx(theirs.loss(corpus), abs=1e-5)


def test_a_trial_that_loses_one_of_its_workers_is_run_again_by_both(lane: Executor, tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    records = [TrialRecord(fake_spec(20, how=f"die 1 {attempts}")), TrialRecord(fake_spec(21))]
    run(lane, *records)
    assert [(record.state, record.attempts) for record in records] == [("completed", 1)] * 2
    assert attempts.read_text() == "xx"


def real_spec(folder: Path) -> TrialSpec:
    """Eight steps of four blocks on two corpora."""
    step = 4 * tiny.LENGTH
    corpora = tuple(
        CorpusRef(
            name=name,
            path=str(tiny.write_corpus(folder / name, seed, {"train": 1000, "valid": 500, "test": 300})),
            fingerprint=name,
        )
        for seed, name in enumerate(("general", "code"))
    )
    return TrialSpec(
        role="law",
        model=ModelRef(name="random", config=tiny.CONFIG, fingerprint="r"),
        method="full",
        learning_rate=3e-3,
        corpora=corpora,
        mixture={"general": 0.35, "code": 0.65},
        max_tokens=8 * step,
        max_seq_length=tiny.LENGTH,
        global_batch_size=4,
        seed=3,
        precision="fp32",
        evaluate_at=(2 * step, 4 * step),
        evaluation_tokens=256,
    )
