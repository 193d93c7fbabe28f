"""From the experiment file's `tracking: {mlflow: ...}` to a tracker."""

import logging
from collections.abc import Callable
from pathlib import Path

from sweeper.tracking.client import MlflowRunClient, RunClient
from sweeper.tracking.interface import NullTracker, Tracker
from sweeper.tracking.tracker import MlflowTracker

STORE_FILE = "mlflow.db"
ARTIFACTS_FOLDER = "mlartifacts"


def store_uri(setting: str, output: str | Path) -> str:
    """The tracking URI: for `auto` an SQLite file in the output folder, empty for `none`, else the setting."""
    if setting == "none":
        return ""
    return f"sqlite:///{Path(output).resolve() / STORE_FILE}" if setting == "auto" else setting


def open_tracker(
    setting: str,
    output: str | Path,
    *,
    experiment: str,
    target: str,
    study: str = "",
    warn: Callable[[str], None] | None = None,
) -> Tracker:
    """The tracker that a setting asks for; it opens nothing before `start`.

    Args:
        setting: `auto`, `none` or an MLflow tracking URI.
        output: The experiment's output folder.
        experiment: Name of the experiment, in MLflow too.
        target: The corpus whose share is `domain_ratio`.
        study: What the experiment's run is found again by; the default is the experiment's name and output folder, so
            that two folders on one server stay apart.
        warn: Shows a sentence to the user; the default logs it.
    """
    output = Path(output)
    uri = store_uri(setting, output)
    if not uri:
        return NullTracker()
    artifacts = output / ARTIFACTS_FOLDER if setting == "auto" else None

    def connect() -> RunClient:
        output.mkdir(parents=True, exist_ok=True)
        return MlflowRunClient(uri, artifacts)

    return MlflowTracker(
        uri,
        connect,
        output,
        experiment=experiment,
        target=target,
        study=study or (experiment if setting == "auto" else f"{experiment} @ {output.resolve()}"),
        warn=warn or logging.getLogger("sweeper.tracking").warning,
    )
