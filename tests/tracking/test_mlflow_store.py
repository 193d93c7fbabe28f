"""With a real store: what users find when they open MLflow."""

import pytest
from mlflow import MlflowClient

from sweeper.tracking import open_tracker
from tests.trial_records import measurement, record, spec

TRIAL = record(spec("law", "qlora", 0.25), [measurement(1024, 3.0, 3.5), measurement(2048, 3.1, 3.2)])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """An experiment with one trial, followed twice."""
    folder = tmp_path_factory.mktemp("out put")
    report = folder / "report.html"
    report.write_text("hello")
    warnings = []
    for _ in range(2):
        tracker = open_tracker("auto", folder, experiment="de'mo", target="code", warn=warnings.append)
        tracker.start({"trials": 1}, [TRIAL])
        tracker.trial_started(TRIAL)
        for m in TRIAL.measurements:
            tracker.measured(TRIAL, m)
        tracker.trial_ended(TRIAL)
        tracker.artifact(report, "pages")
        tracker.finish(timeout_seconds=120)
    assert warnings == []
    return folder, MlflowClient(tracker.uri)


@pytest.fixture(scope="module")
def runs(store):
    _, client = store
    experiment = client.get_experiment_by_name("de'mo")
    found = client.search_runs([experiment.experiment_id])
    return {r.data.tags["sweeper.role"]: r for r in found}


def test_there_is_one_parent_and_one_child_after_two_rounds(runs):
    assert sorted(runs) == ["experiment", "law"]
    assert runs["law"].data.tags["mlflow.parentRunId"] == runs["experiment"].info.run_id
    assert {r.info.status for r in runs.values()} == {"FINISHED"}


def test_losses_stand_on_a_token_axis_once(store, runs):
    history = store[1].get_metric_history(runs["law"].info.run_id, "eval/code/loss")
    assert [(m.step, m.value) for m in history] == [(1024, 3.5), (2048, pytest.approx(3.2))]


def test_children_are_found_by_their_params(store, runs):
    experiment = runs["law"].info.experiment_id
    found = store[1].search_runs([experiment], "params.method = 'qlora' and params.domain_ratio = '0.25'")
    assert [r.info.run_id for r in found] == [runs["law"].info.run_id]


def test_everything_lies_in_the_output_folder(store, runs):
    folder, client = store
    assert sorted(p.name for p in folder.iterdir()) == ["mlartifacts", "mlflow.db", "report.html"]
    files = client.list_artifacts(runs["law"].info.run_id)
    assert [f.path for f in files] == ["spec.json"]
    assert (folder / "mlartifacts" / runs["experiment"].info.run_id / "artifacts" / "pages" / "report.html").is_file()
