"""MLflow during a run: started when there is something to track, so that a finished run pays nothing for it."""

from typing import Any, Literal

from sweeper.experiment.model import Experiment
from sweeper.pipeline.answer import Answer
from sweeper.pipeline.search import Found
from sweeper.pipeline.workspace import Workspace
from sweeper.tracking.interface import Tracker
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from trainers.messages import Measurement, Progress


class TrackingObserver:
    """Passes what happens on to a tracker (`sweeper.lanes.source.TrialObserver`)."""

    def __init__(self, tracker: Tracker, experiment: Experiment, store: TrialStore) -> None:
        self._tracker, self._experiment, self._store = tracker, experiment, store
        self._started = False

    def trial_started(self, record: TrialRecord) -> None:
        """A child run begins."""
        self._start()
        self._tracker.trial_started(record)

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """Losses and perplexities."""
        self._tracker.measured(record, measurement)

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Training loss and speed."""
        self._tracker.progress(record, progress)

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Nothing: losses are what they would have been."""

    def trial_ended(self, record: TrialRecord) -> None:
        """The child run's status."""
        self._tracker.trial_ended(record)

    def stop(self, status: Literal["FAILED", "KILLED"]) -> None:
        """The run ends without an answer."""
        if self._started:
            self._tracker.finish(status, timeout_seconds=5.0, at_most_seconds=15.0)

    def deliver(self) -> None:
        """Write what waits since the store was down, where something does."""
        if self._tracker.pending:
            self._start()
            self._tracker.finish()

    def finish(self, answer: Answer, found: Found, workspace: Workspace) -> None:
        """Findings and files on the parent run."""
        self._start()
        self._tracker.result({**_findings(answer), **_searched(found)})
        for path in (workspace.laws, workspace.recommendation, workspace.report, workspace.output / "measurements.csv"):
            self._tracker.artifact(path)
        self._tracker.finish()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._tracker.start(_params(self._experiment), list(self._store))


def _params(experiment: Experiment) -> dict[str, object]:
    return {
        "target": experiment.target,
        "corpora": ", ".join(experiment.corpora),
        "base_models": ", ".join(experiment.base_models),
        "constraint": f"{experiment.constraint.corpus} +{experiment.constraint.max_increase:.3g}",
        "search_trials": experiment.search.trials,
        "search_tokens": experiment.search.max_tokens,
        "law_tokens": experiment.law.max_tokens,
        "confirm_tokens": experiment.confirm.tokens,
        "seed": experiment.seed,
    }


def _searched(found: Found) -> dict[str, object]:
    searched: dict[str, object] = {"search.best_is_best": found.leads[0].probability} if found.leads else {}
    if found.front is not None:
        searched |= {"search.hypervolume": found.front.hypervolume, "search.front_trials": len(found.front.trials)}
    return searched


def _findings(answer: Answer) -> dict[str, object]:
    recommendation, setting = answer.fitted.recommendation, answer.comparison.setting
    findings: dict[str, Any] = {
        "recommended.domain_ratio": recommendation.domain_ratio,
        "recommended.method": setting.method,
        "recommended.learning_rate": setting.learning_rate,
        "recommended.p_constraint": recommendation.p_constraint,
    }
    if answer.confirmation is not None:
        for name, check in answer.confirmation.checks.items():
            findings[f"predicted.{name}.loss"] = check.predicted
            findings[f"measured.{name}.loss"] = check.measured
    return findings
