"""The few calls to an MLflow store that are needed, and nothing of MLflow's fluent interface."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class FoundRun(NamedTuple):
    """A run that the store has."""

    id: str
    status: str
    tags: dict[str, str]


class RunClient(Protocol):
    """Runs of one store. Every call may raise whatever the store raises."""

    def experiment(self, name: str) -> str:
        """The id of the MLflow experiment, made where it is missing."""

    def find_runs(self, experiment: str, tag: str, value: str) -> list[FoundRun]:
        """The runs with this tag, oldest first."""

    def create_run(self, experiment: str, name: str, tags: Mapping[str, str], start: int) -> str:
        """A new run, RUNNING since `start` (Unix milliseconds); returns its id."""

    def log(
        self,
        run: str,
        metrics: Mapping[str, float],
        params: Mapping[str, str],
        tags: Mapping[str, str],
        step: int,
        at: int,
    ) -> None:
        """Write metrics (at a step and a Unix time in milliseconds), params and tags in one call."""

    def set_status(self, run: str, status: str, end: int | None = None) -> None:
        """RUNNING, or a final status with its time."""

    def last_step(self, run: str, metric: str) -> int:
        """The largest step that the metric has; -1 without any."""

    def log_text(self, run: str, text: str, file: str) -> None:
        """Store text as an artifact."""

    def log_file(self, run: str, path: str, folder: str) -> None:
        """Store a file as an artifact."""


class MlflowRunClient:
    """`RunClient` over `MlflowClient`; imports MLflow (over a second) when it is made."""

    def __init__(self, uri: str, artifacts: Path | None) -> None:
        """Open the store.

        Args:
            uri: MLflow's tracking URI.
            artifacts: Where artifacts of a new experiment go; None leaves it to the store.
        """
        _be_quiet()
        from mlflow import MlflowClient, entities

        _silence_loggers()
        self._client = MlflowClient(tracking_uri=uri)
        self._entities: Any = entities
        self._artifacts = artifacts

    def experiment(self, name: str) -> str:
        """The id of the MLflow experiment, made where it is missing."""
        found = self._client.get_experiment_by_name(name)
        _silence_loggers()  # Opening a new database configures alembic's logger again.
        if found is not None:
            return str(found.experiment_id)
        location = self._artifacts.resolve().as_uri() if self._artifacts else None
        return str(self._client.create_experiment(name, artifact_location=location))

    def find_runs(self, experiment: str, tag: str, value: str) -> list[FoundRun]:
        """The runs with this tag, oldest first."""
        quote = '"' if "'" in value else "'"
        found, token = [], None
        while True:
            page = self._client.search_runs(
                [experiment],
                f"tags.`{tag}` = {quote}{value}{quote}",
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            found += [FoundRun(r.info.run_id, r.info.status, dict(r.data.tags)) for r in page]
            token = page.token
            if not token:
                return found

    def create_run(self, experiment: str, name: str, tags: Mapping[str, str], start: int) -> str:
        """A new run, RUNNING since `start`; returns its id."""
        run = self._client.create_run(experiment, start_time=start, tags=dict(tags), run_name=name)
        return str(run.info.run_id)

    def log(
        self,
        run: str,
        metrics: Mapping[str, float],
        params: Mapping[str, str],
        tags: Mapping[str, str],
        step: int,
        at: int,
    ) -> None:
        """Write metrics, params and tags in one call."""
        make = self._entities
        self._client.log_batch(
            run,
            metrics=[make.Metric(key, value, at, step) for key, value in metrics.items()],
            params=[make.Param(key, value) for key, value in params.items()],
            tags=[make.RunTag(key, value) for key, value in tags.items()],
        )

    def set_status(self, run: str, status: str, end: int | None = None) -> None:
        """RUNNING, or a final status with its time."""
        if status == "RUNNING":
            self._client.update_run(run, status=status)
        else:
            self._client.set_terminated(run, status=status, end_time=end)

    def last_step(self, run: str, metric: str) -> int:
        """The largest step that the metric has; -1 without any."""
        return max((int(m.step) for m in self._client.get_metric_history(run, metric)), default=-1)

    def log_text(self, run: str, text: str, file: str) -> None:
        """Store text as an artifact."""
        self._client.log_text(run, text, file)

    def log_file(self, run: str, path: str, folder: str) -> None:
        """Store a file as an artifact."""
        self._client.log_artifact(run, path, folder or None)


def _be_quiet() -> None:
    """Settings that MLflow reads from the environment; the user's own values win.

    Its defaults wait for minutes for a server that is down, print a link for each run, and report usage over the
    network.
    """
    for name, value in {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }.items():
        os.environ.setdefault(name, value)


def _silence_loggers() -> None:
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
