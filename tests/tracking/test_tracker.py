import threading
import time

import pytest

from sweeper.tracking import NullTracker, open_tracker, store_uri
from sweeper.tracking import tracker as tracker_module
from sweeper.tracking.tracker import SPOOL_FILE, MlflowTracker
from tests.tracking.fake_client import FakeClient
from tests.trial_records import measurement, record, spec
from trainers.messages import Progress


class Session:
    """Trackers on one fake store and one output folder, as after several starts."""

    def __init__(self, folder):
        self.folder, self.client, self.warnings = folder, FakeClient(), []

    def tracker(self, records=(), connect=None, **params):
        tracker = MlflowTracker(
            "fake://store",
            connect or (lambda: self.client),
            self.folder,
            experiment="demo",
            target="code",
            study="demo",
            warn=self.warnings.append,
        )
        tracker.start(params, records)
        return tracker

    @property
    def spool(self):
        return self.folder / SPOOL_FILE


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path)


def running(*measurements, **changes):
    return record(spec(**changes), list(measurements), state="running")


def progress(tokens):
    return Progress(tokens=tokens, train_loss=3.5, learning_rate=1e-3, grad_norm=0.5, tokens_per_second=100.0)


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def follow(tracker, trial):
    tracker.trial_started(trial)
    for m in trial.measurements:
        tracker.measured(trial, m)
    tracker.trial_ended(trial)


def test_a_trial_is_a_child_of_the_experiment(session):
    trial = record(spec(ratio=0.25), [measurement(1024, 3.0, 3.5)], purpose="compare")
    tracker = session.tracker(trials=3)
    follow(tracker, trial)
    tracker.finish()
    child, parent = session.client.child(trial.id), session.client.parent
    assert child["tags"]["mlflow.parentRunId"] == "run0"
    assert child["tags"]["sweeper.purpose"] == "compare"
    assert (child["params"]["domain_ratio"], child["params"]["mixture"]) == ("0.25", "code=0.25,general=0.75")
    assert trial.spec.model_dump_json(indent=1) == child["files"]["spec.json"]
    assert ("eval/code/loss", 1024, 3.5) in child["metrics"]
    assert (child["status"], child["end"]) == ("FINISHED", 13000)
    assert (parent["status"], parent["params"]) == ("FINISHED", {"trials": "3"})
    assert session.warnings == []
    assert not session.spool.exists()


@pytest.mark.parametrize(
    ("state", "status"),
    [("completed", "FINISHED"), ("pruned", "FINISHED"), ("failed", "FAILED"), ("paused", "KILLED")],
)
def test_the_run_ends_as_the_trial_did(session, state, status):
    trial = record(spec(), [measurement(1024, 3.0, 3.5)], state=state)
    trial.reason = "worse than the median"
    tracker = session.tracker()
    follow(tracker, trial)
    tracker.finish()
    run = session.client.child(trial.id)
    assert run["status"] == status
    assert (run["tags"]["sweeper.state"], run["tags"]["sweeper.reason"]) == (state, "worse than the median")


def test_a_second_start_finds_the_runs_again(session):
    trial = record(spec(), [measurement(1024, 3.0, 3.5)])
    for _ in range(2):
        tracker = session.tracker(records=[trial])
        follow(tracker, trial)
        tracker.finish()
    assert len(session.client.runs) == 2
    steps = [step for key, step, _ in session.client.child(trial.id)["metrics"] if key == "eval/code/loss"]
    assert steps == [1024]


def test_a_resumed_trial_goes_on_after_the_last_tokens_logged(session):
    trial = running(measurement(1024, 3.0, 3.5))
    first = session.tracker()
    first.trial_started(trial)
    first.progress(trial, progress(1500))
    first.finish("KILLED")
    assert session.client.child(trial.id)["status"] == "KILLED"

    second = session.tracker()
    second.trial_started(trial)
    for tokens in (1024, 1500, 2048):
        second.progress(trial, progress(tokens))
    second.finish()
    steps = [step for key, step, _ in session.client.child(trial.id)["metrics"] if key == "train/loss"]
    assert steps == [1500, 2048]


def test_runs_left_running_by_a_dead_process_are_killed_at_the_next_start(session):
    trial = running()
    first = session.tracker()
    first.trial_started(trial)
    first._queue.put(None)  # As if the process had died: no finish.
    first._thread.join()
    assert session.client.child(trial.id)["status"] == "RUNNING"
    session.tracker().finish()
    run = session.client.child(trial.id)
    assert (run["status"], run["tags"]["sweeper.state"]) == ("KILLED", "interrupted")


def test_known_trials_that_the_store_missed_are_written_at_start(session):
    done = record(spec(), [measurement(1024, 3.0, 3.5), measurement(2048, 3.1, 3.2)])
    session.tracker(records=[done, running(seed=5)]).finish()
    run = session.client.child(done.id)
    assert [step for key, step, _ in run["metrics"] if key == "eval/code/loss"] == [1024, 2048]
    assert run["status"] == "FINISHED"
    assert len(session.client.runs) == 2


def test_a_known_trial_in_the_same_state_costs_no_call(session):
    done = record(spec(), [measurement(1024, 3.0, 3.5)])
    session.tracker(records=[done]).finish()
    before = session.client.calls
    session.tracker(records=[done]).finish()
    # The experiment, two searches, the parent's two statuses.
    assert session.client.calls - before == 5


def test_a_store_that_is_down_costs_one_warning_and_nothing_is_lost(session):
    session.client.failing = ConnectionError("no route to host")
    trial = record(spec(), [measurement(1024, 3.0, 3.5)])
    tracker = session.tracker()
    follow(tracker, trial)
    tracker.finish()
    assert len(session.warnings) == 1
    assert "no route to host" in session.warnings[0]
    assert session.spool.exists()

    session.client.failing = None
    session.tracker().finish()
    assert session.client.child(trial.id)["status"] == "FINISHED"
    assert ("eval/code/loss", 1024, 3.5) in session.client.child(trial.id)["metrics"]
    assert not session.spool.exists()


def test_a_store_that_is_behind_gets_every_measurement_and_the_latest_signs_of_life(session, monkeypatch):
    monkeypatch.setattr(tracker_module, "BEHIND", 2)
    slow = threading.Event()
    tracker = session.tracker(connect=lambda: slow.wait(10) and session.client)
    trial = running()
    tracker.trial_started(trial)
    for tokens in range(1000, 50_000, 1000):
        tracker.progress(trial, progress(tokens))
        if tokens % 10_000 == 0:
            tracker.measured(trial, measurement(tokens, 3.0, 3.5))
    slow.set()
    tracker.finish()
    metrics = session.client.child(trial.id)["metrics"]
    measured = [step for key, step, _ in metrics if key == "eval/code/loss"]
    signs = [step for key, step, _ in metrics if key == "train/loss"]
    assert measured == [10_000, 20_000, 30_000, 40_000]
    assert len(signs) <= 4
    assert signs[-1] == 49_000


def test_a_store_that_fails_in_the_middle_gets_each_row_once(session, monkeypatch):
    monkeypatch.setattr("sweeper.tracking.delivery.RETRY_SECONDS", 0.0)
    trial = running()
    tracker = session.tracker()
    tracker.trial_started(trial)
    tracker.progress(trial, progress(1000))
    wait_until(lambda: len(session.client.runs) == 2 and session.client.child(trial.id)["metrics"])
    session.client.failing = TimeoutError("slow")
    tracker.progress(trial, progress(2000))
    wait_until(lambda: session.warnings)
    session.client.failing = None
    tracker.progress(trial, progress(3000))
    tracker.finish()
    steps = [step for key, step, _ in session.client.child(trial.id)["metrics"] if key == "train/loss"]
    assert steps == [1000, 2000, 3000]


def test_an_event_that_the_store_refuses_does_not_hold_up_the_rest(session):
    class Refusing(FakeClient):
        def log(self, run, metrics, params, tags, step, at):
            if step == 1000:
                error = ValueError("bad metric name")
                error.error_code = "INVALID_PARAMETER_VALUE"
                raise error
            super().log(run, metrics, params, tags, step, at)

    session.client = Refusing()
    trial = running()
    tracker = session.tracker()
    tracker.trial_started(trial)
    tracker.progress(trial, progress(1000))
    tracker.progress(trial, progress(2000))
    tracker.finish()
    assert ("train/loss", 2000, 3.5) in session.client.child(trial.id)["metrics"]
    assert "bad metric name" in session.warnings[0]
    assert not session.spool.exists()


def test_finish_does_not_wait_for_a_store_that_hangs(session):
    release = threading.Event()

    def hang():
        release.wait(10)
        return session.client

    trial = running()
    tracker = session.tracker(connect=hang)
    tracker.trial_started(trial)
    tracker.finish(timeout_seconds=0.05)
    assert [line.split('"')[3] for line in session.spool.read_text().splitlines()] == ["trial", "finish"]
    assert "does not answer" in session.warnings[-1]
    release.set()


def test_a_half_written_line_of_the_spool_is_dropped_with_a_word(session):
    session.spool.write_text('{"kind":"result","time":1,"metrics":{"result/x":1.0}}\n{"kind":"res')
    session.tracker().finish()
    assert ("result/x", 0, 1.0) in session.client.parent["metrics"]
    assert "1 lines" in session.warnings[0]


def test_results_are_metrics_and_tags_of_the_experiment(session, tmp_path):
    report = tmp_path / "report.html"
    report.write_text("hello")
    tracker = session.tracker()
    tracker.result({"p_hold": 0.93, "method": "full", "held": True})
    tracker.artifact(report)
    tracker.finish()
    assert ("result/p_hold", 0, 0.93) in session.client.parent["metrics"]
    assert session.client.parent["tags"]["sweeper.method"] == "full"
    assert session.client.parent["tags"]["sweeper.held"] == "True"
    assert str(report) in session.client.parent["files"]


def test_settings_choose_the_tracker(tmp_path):
    auto = open_tracker("auto", tmp_path, experiment="demo", target="code")
    assert auto.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert auto.ui_command == f"mlflow ui --backend-store-uri sqlite:///{tmp_path}/mlflow.db"
    assert store_uri("http://server:5000", tmp_path) == "http://server:5000"
    assert isinstance(open_tracker("none", tmp_path, experiment="demo", target="code"), NullTracker)
    assert list(tmp_path.iterdir()) == []


def test_finish_without_start_does_nothing(tmp_path):
    open_tracker("auto", tmp_path, experiment="demo", target="code").finish()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_trial_says_why_and_how_to_see_it_alone_until_it_has_its_result(session):
    trial = record(spec(), [], state="failed")
    trial.reason, trial.reproduce = "diverged: nan", "python -m trainers train a.json"
    tracker = session.tracker()
    follow(tracker, trial)
    tracker.finish()
    child = session.client.child(trial.id)
    assert child["status"] == "FAILED"
    assert child["tags"]["sweeper.reason"] == "diverged: nan"
    assert child["tags"]["sweeper.reproduce"] == "python -m trainers train a.json"
    trial.state, trial.reason, trial.reproduce = "completed", "", ""
    again = session.tracker([trial])
    again.finish()
    assert (child["status"], child["tags"]["sweeper.reproduce"]) == ("FINISHED", "")


def test_what_waits_for_the_store_is_known_and_gone_once_it_is_written(session):
    session.client.failing = ConnectionError("down")
    tracker = session.tracker()
    follow(tracker, record(spec(), []))
    tracker.finish()
    assert tracker.pending
    session.client.failing = None
    tracker.start({})
    tracker.finish()
    assert not tracker.pending


def test_a_spool_without_room_costs_a_warning(session):
    session.client.failing = ConnectionError("down")
    session.spool.mkdir()  # what is no file cannot be written to
    tracker = session.tracker()
    follow(tracker, record(spec(), []))
    tracker.finish()
    assert any("cannot be written" in warning for warning in session.warnings)


def test_a_slow_store_gets_all_of_it_as_long_as_it_takes_anything(session):
    write = session.client.log

    def slow(*arguments):
        time.sleep(0.05)
        write(*arguments)

    session.client.log = slow
    tracker = session.tracker()
    trial = running(*[measurement(100 * (i + 1), 3.0, 3.5) for i in range(30)])
    tracker.trial_started(trial)
    for m in trial.measurements:
        tracker.measured(trial, m)
    tracker.finish(timeout_seconds=1.0)
    assert not session.spool.exists()
    assert session.client.parent["status"] == "FINISHED"
