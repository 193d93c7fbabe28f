import pytest

from sweeper.pipeline.counts import Counts
from sweeper.trials.record import State
from tests.trial_records import measurement, record, spec


@pytest.mark.parametrize(
    ("state", "computed", "failed", "pruned"),
    [("completed", 1, 0, 0), ("pruned", 1, 0, 1), ("failed", 0, 1, 0), ("paused", 0, 0, 0)],
)
def test_a_started_trial_counts_by_how_it_ended(state: State, computed: int, failed: int, pruned: int) -> None:
    counts, trial = Counts(), record(spec(), [measurement(0, 3.0, 4.0)], "running")
    counts.start(trial)
    trial.state = state
    assert counts.as_dict() == {"computed": computed, "reused": 0, "failed": failed, "pruned": pruned}


def test_a_trial_that_two_phases_use_counts_once() -> None:
    counts, trial = Counts(), record(spec(), [measurement(0, 3.0, 4.0)])
    counts.start(trial)
    counts.reuse([trial])
    assert (counts.computed, len(counts.reused)) == (1, 0)


def test_a_trial_taken_over_and_then_continued_was_not_reused() -> None:
    counts, trial = Counts(), record(spec(), [measurement(0, 3.0, 4.0)])
    counts.reuse([trial, trial])
    assert len(counts.reused) == 1
    counts.start(trial)
    assert (counts.computed, len(counts.reused)) == (1, 0)
