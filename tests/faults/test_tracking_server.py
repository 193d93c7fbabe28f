"""The MLflow server goes down for a while, or for the whole run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Make
from tests.faults.mlflow_server import MlflowServer
from tests.faults.sweeps import Sweep, of_role

pytestmark = [pytest.mark.ray, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    made = MlflowServer(tmp_path)
    yield made
    made.stop()


def runs(server: MlflowServer) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server.uri)
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], max_results=1000))


def assert_complete(server: MlflowServer, sweep: Sweep) -> None:
    found = runs(server)
    children = {run.data.tags["sweeper.trial"]: run for run in found if "sweeper.trial" in run.data.tags}
    assert {run.info.status for run in found} == {"FINISHED"}
    assert sorted(children) == sorted(record.id for record in sweep.records())
    assert len(found) == len(children) + 1
    for record in sweep.records():
        assert record.last is not None
        loss = children[record.id].data.metrics["eval/domain/loss"]
        assert loss == pytest.approx(record.last.loss("domain"))
    assert not (sweep.output / "mlflow_spool.jsonl").exists()


def test_a_server_that_is_down_for_a_while_gets_what_it_missed(
    make_sweep: Make, undisturbed: Sweep, server: MlflowServer
) -> None:
    server.start()
    sweep = make_sweep(tracking={"mlflow": server.uri})
    sweep.harm(sleep=0.2)
    process = sweep.begin()
    sweep.wait_for(process, lambda records: bool(of_role(records, "search", "running")))
    server.stop()
    sweep.wait_for(process, lambda records: len(of_role(records, "law", "completed")) >= 2)
    server.start()
    assert process.wait(300) == 0, sweep.said
    assert "trials go on, and what it misses is kept in" in sweep.said
    assert sweep.results() == undisturbed.results()
    assert_complete(server, sweep)


def test_a_server_that_is_down_for_the_whole_run_gets_all_of_it_from_the_next_call(
    make_sweep: Make, undisturbed: Sweep, server: MlflowServer
) -> None:
    sweep = make_sweep(tracking={"mlflow": server.uri})
    assert sweep.run() == 0, sweep.said
    assert sweep.results() == undisturbed.results()
    server.start()
    assert sweep.run() == 0, sweep.said
    assert sweep.computed == 0
    assert_complete(server, sweep)
