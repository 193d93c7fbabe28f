from sweeper.lanes.source import FixedTrials
from sweeper.pipeline.failures import ENOUGH, ENOUGH_DIVERGED, FailureWatch
from sweeper.pipeline.page import failures_table
from sweeper.trials.record import TrialRecord
from tests.trial_records import record, spec

FULL = "error: Traceback\n  deep\nOSError: [Errno 28] No space left on device"
DIVERGED = "diverged: step 5: loss nan"


def watched(count: int, max_share: float = 0.5) -> FailureWatch:
    return FailureWatch(FixedTrials([record(spec(seed=seed), [], "running") for seed in range(count)]), max_share)


def end(watch: FailureWatch, *reasons: str) -> None:
    """Trials end one after another: failed for a reason, or completed where there is none."""
    for reason in reasons:
        trial = watch.next()
        assert trial is not None
        trial.state, trial.reason = ("failed" if reason else "completed"), reason
        trial.reproduce = f"python -m trainers train {trial.id}.json" if reason else ""
        watch.ended(trial)


def test_few_trials_say_nothing() -> None:
    watch = watched(9)
    end(watch, *[FULL] * (ENOUGH - 1))
    assert watch.objection() == ""


def test_more_than_the_share_stops_and_hands_out_no_more() -> None:
    watch = watched(9)
    end(watch, "", "", FULL, FULL)
    assert watch.objection() == ""
    end(watch, FULL)
    assert watch.objection()
    assert watch.next() is None


def test_the_diagnosis_names_the_commonest_reason_what_to_do_and_one_trial() -> None:
    watch = watched(9)
    end(watch, "out_of_memory: too big", FULL, FULL)
    last = watch.next()
    assert last is not None
    last.state, last.reason, last.reproduce = "failed", FULL, "python -m trainers train last.json"
    watch.ended(last)
    lines = watch.objection().splitlines()
    assert lines[0].startswith("4 of 4 trials failed, more than resources.max_failed_share: 0.5 allows")
    assert lines[1] == "most often (3 of 4): OSError: [Errno 28] No space left on device"
    assert lines[2].startswith("what to do: ")
    assert lines[3].startswith("one of them alone: python -m trainers train ")


def test_divergence_tells_the_search_something_and_counts_later() -> None:
    watch = watched(ENOUGH_DIVERGED + 1)
    end(watch, *[DIVERGED] * (ENOUGH_DIVERGED - 1))
    assert watch.objection() == ""
    end(watch, DIVERGED)
    assert "search.space.learning_rate" in watch.objection()


def test_a_share_of_one_never_stops() -> None:
    watch = watched(20, 1.0)
    end(watch, *[FULL] * 20)
    assert watch.objection() == ""


def test_paused_trials_are_no_failures_and_the_source_hears_of_all() -> None:
    class Hearing(FixedTrials):
        heard = 0

        def ended(self, record: TrialRecord) -> None:
            self.heard += 1

    source = Hearing([record(spec(seed=seed), [], "running") for seed in range(5)])
    watch = FailureWatch(source, 0.0)
    for _ in range(5):
        trial = watch.next()
        assert trial is not None
        trial.state = "paused"
        watch.ended(trial)
    assert watch.objection() == ""
    assert source.heard == 5


def test_the_report_has_why_trials_failed_and_the_command_that_shows_one_alone() -> None:
    failed, well = record(spec(seed=1), [], "failed", purpose="law"), record(spec(seed=2), [])
    failed.reason, failed.reproduce = FULL, "python -m trainers train f.json"
    table = failures_table([failed, well])
    assert table is not None
    why = "OSError: [Errno 28] No space left on device"
    assert table.rows == ((failed.id, "law", why, "python -m trainers train f.json"),)
    assert failures_table([well]) is None
