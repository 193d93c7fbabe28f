"""What is to be written to the store, as plain data: it can wait in a file and be written later, twice if need be."""

import time
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sweeper.tracking import names
from sweeper.trials.record import TrialRecord

Kind = Literal["trial", "metrics", "ended", "result", "artifact", "finish"]


def _now() -> int:
    return int(time.time() * 1000)


class Event(BaseModel):
    """One thing that happened; writing it again changes nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    kind: Kind
    trial: str = ""
    """Empty for the experiment's own run."""
    time: int = Field(default_factory=_now)
    """Unix time, milliseconds."""
    step: int = 0
    """Training tokens."""
    name: str = ""
    """Run name, file path or final status."""
    text: str = ""
    """The trial's spec, or the artifact's folder."""
    metrics: dict[str, float] = {}
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


def trial_event(record: TrialRecord, study: str, target: str) -> Event:
    """A trial begins: its run is found or made."""
    return Event(
        kind="trial",
        trial=record.id,
        time=_milliseconds(record.started_at),
        name=names.run_name(record, target),
        text=record.spec.model_dump_json(indent=1),
        params=names.params_of(record.spec, target),
        tags=names.tags_of(record, study) | {"sweeper.state": "running"},
    )


def metrics_event(record: TrialRecord, metrics: Mapping[str, float], step: int) -> Event:
    """Metrics of a trial at a number of tokens."""
    return Event(kind="metrics", trial=record.id, step=step, metrics=dict(metrics))


def ended_event(record: TrialRecord) -> Event:
    """A trial ended: its run gets its cost, state and status."""
    closing = record.finished
    return Event(
        kind="ended",
        trial=record.id,
        time=_milliseconds(record.ended_at),
        step=closing.tokens if closing else 0,
        name=names.STATUS[record.state],
        metrics=names.finished_metrics(closing) if closing else {},
        tags=names.state_tags(record),
    )


def history(record: TrialRecord, study: str, target: str) -> list[Event]:
    """All that a trial of an earlier run has to say, to be written where the store does not know it."""
    measured = [metrics_event(record, names.measurement_metrics(m), m.tokens) for m in record.measurements]
    return [trial_event(record, study, target), *measured, ended_event(record)]


def experiment_tags(study: str) -> dict[str, str]:
    """The tags that an experiment's own run is found again by."""
    return {"sweeper.study": study, "sweeper.role": "experiment"}


def result_event(values: Mapping[str, object]) -> Event:
    """Numbers as metrics and the rest as tags of the experiment's run."""
    numbers = {k: float(v) for k, v in values.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    rest: dict[str, Any] = {f"sweeper.{k}": names.text(v) for k, v in values.items() if k not in numbers}
    return Event(kind="result", metrics={f"result/{k}": v for k, v in numbers.items()}, tags=rest)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000) if seconds > 0 else _now()
