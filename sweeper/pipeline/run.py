"""All phases in order. Every phase asks the disk first, so that a second call does only what is missing."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from sweeper.corpora.prepare import OnProgress
from sweeper.experiment.model import Experiment
from sweeper.lanes.cluster import expected_lanes
from sweeper.lanes.executor import Executor
from sweeper.lanes.plan import LaneClasses
from sweeper.lanes.source import TrialObserver
from sweeper.pipeline import bases as base_phase
from sweeper.pipeline.active_law import ActiveLaw
from sweeper.pipeline.alone import FailureFiles
from sweeper.pipeline.answer import Answer
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.budget_text import budget_lines
from sweeper.pipeline.compare import Comparison, compare
from sweeper.pipeline.confirm import confirm, confirm_spec
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.fit import fit_and_recommend, measurements_of, write_tables
from sweeper.pipeline.lanes import lane_plans, target_plan
from sweeper.pipeline.law import check_rates, measure_law, require_ratios
from sweeper.pipeline.least_budget import refuse_too_little
from sweeper.pipeline.page import Findings, write_page, write_stopped_page
from sweeper.pipeline.plain import json_text, write_json
from sweeper.pipeline.plan import Plan, make_plan
from sweeper.pipeline.precision import choose_precision
from sweeper.pipeline.prepare import Inputs, look, prepare
from sweeper.pipeline.search import Found, search
from sweeper.pipeline.session import CountingObserver, PhaseError, Session
from sweeper.pipeline.specs import SpecFactory
from sweeper.pipeline.spending import open_spending
from sweeper.pipeline.track import TrackingObserver
from sweeper.pipeline.warm import earlier_runs
from sweeper.pipeline.workspace import Workspace
from sweeper.tracking.factory import open_tracker
from sweeper.trials.checkpoints import CheckpointRemover
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore

_log = logging.getLogger(__name__)


class Watcher(TrialObserver, Protocol):
    """Shows a person what goes on."""

    def say(self, line: str) -> None:
        """One line."""

    def planned(self, plan: Plan) -> None:
        """What there is to do in all."""

    def bounded(self, spent: Callable[[], str]) -> None:
        """There is a budget; `spent` says how much of it is."""

    def phase(self, name: str, trials: int | None = None) -> None:
        """A phase begins, of so many trials where that is known."""

    def tokenised(self, done: int, total: int | None, label: str) -> None:
        """Bytes of text packed so far."""


@dataclass(frozen=True)
class Outcome:
    """What a run gives back."""

    answer: Answer
    counts: Counts
    workspace: Workspace
    ui_command: str
    found: Found
    budget: dict[str, Any] | None = None
    """What was spent of it; None where there is none."""

    def to_dict(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        where = {
            "output": str(self.workspace.output),
            "report": str(self.workspace.report),
            "mlflow_ui": self.ui_command or None,
        }
        budget = {"budget": self.budget} if self.budget else {}
        return {**self.answer.to_dict(self.counts), "search": self.found.to_dict(), **budget, **where}


def run(
    experiment: Experiment,
    output: Path,
    watcher: Watcher,
    *,
    address: str | None = None,
    confirming: bool = True,
    report_anew: bool = False,
) -> Outcome:
    """From an experiment to a recommendation that a confirming run has checked.

    Args:
        experiment: The experiment.
        output: Its folder; what is in it already is not computed again.
        watcher: Shows progress.
        address: Of a Ray cluster; None starts Ray on this machine, if there is anything to compute.
        confirming: Whether to train the recommendation once at the end.
        report_anew: Whether to write the report even where it is there and nothing has changed.

    Raises:
        SweeperError: something the user can mend.
        PhaseError: a trial that later phases stand on failed.
        KeyboardInterrupt: the user's; what runs was told to write a checkpoint.
    """
    workspace = Workspace(output, storage=experiment.resources.storage)
    with workspace.locked():
        if report_anew:
            workspace.report.unlink(missing_ok=True)
        return _run(experiment, workspace, watcher, address, confirming)


def _run(
    experiment: Experiment, workspace: Workspace, watcher: Watcher, address: str | None, confirming: bool
) -> Outcome:
    store, counts = TrialStore(workspace.trials), Counts()

    def warn(sentence: str) -> None:
        _log.warning(sentence)
        watcher.say(sentence)

    tracker = open_tracker(
        experiment.tracking.mlflow,
        workspace.output,
        experiment=experiment.name,
        target=experiment.target,
        warn=warn,
    )
    tracking = TrackingObserver(tracker, experiment, store)
    plans, remover = lane_plans(experiment), CheckpointRemover(store)
    files = FailureFiles(workspace.failed, LaneClasses(plans))
    observers: list[TrialObserver] = [files, store, remover, CountingObserver(counts), tracking, watcher]
    with Executor(
        plans,
        str(workspace.ray),
        observers,
        address,
        idle_seconds=experiment.resources.idle_seconds,
        say=watcher.say,
    ) as executor:
        session = Session(experiment, workspace, store, executor, counts, watcher.say)
        try:
            findings = _phases(session, watcher, address, confirming)
        except BaseException as error:
            if isinstance(error, PhaseError):
                write_stopped_page(session, str(error))
            tracking.stop("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        spent = session.spending.as_dict() if session.spending else None
        outcome = Outcome(findings.answer, counts, workspace, tracker.ui_command, findings.found, spent)
        finish(session, findings, outcome, tracking)
    return outcome


def bound(session: Session, inputs: Inputs) -> None:
    """Take up the budget, where there is one.

    Raises:
        SweeperError: it cannot end in an answer.
    """
    session.spending = open_spending(session.experiment, inputs, session.store, session.workspace.spent)
    if session.spending:
        refuse_too_little(session.spending)


def _phases(session: Session, watcher: Watcher, address: str | None, confirming: bool) -> Findings:
    earlier_runs(session.experiment, session.workspace)  # refused before anything is computed
    inputs = prepare_inputs(
        session.experiment, session.workspace, watcher, address, check=lambda found: bound(session, found)
    )
    if session.spending:
        session.executor.observe(session.spending.ledger)
        watcher.bounded(session.spending.status)
        for line in budget_lines(session.spending):
            watcher.say(line)
    expected = expected_lanes(target_plan(session.experiment))
    ahead = make_plan(session.experiment, inputs, session.store, *expected)
    watcher.planned(ahead)
    watcher.say("at most " + ", ".join(f"{n:.2f} epochs of {name}" for name, n in ahead.epochs.items()) + " in a trial")
    if work_ahead(session, inputs):
        session.executor.start()
    losses = base_losses(session, inputs, watcher)
    found = find_settings(session, inputs, losses, watcher)
    inputs = replace(inputs, adapted=found.base_model)  # later phases adapt the model that the search chose
    comparison = compare_methods(session, inputs, losses, found, watcher)
    watcher.phase("law")
    factory = inputs.factory()
    comparison, law_trials = find_law(session, factory, losses, found, comparison)
    watcher.phase("fit")
    fitted = fit_and_recommend(
        session.experiment,
        session.workspace,
        measurements_of(session.experiment, fitted_records(session, law_trials, comparison.chosen)),
        method=comparison.chosen,
        base_loss=losses.loss(factory.target_model, session.experiment.constraint.corpus),
        params=losses.params(factory.target_model),
    )
    answer = Answer(session.experiment, comparison, fitted, None)
    write_json(session.workspace.recommendation, answer.recommendation_dict())
    if confirming:  # known to the table before it is run: a finished folder's stays as it is
        spec = confirm_spec(factory, comparison, fitted, session.workspace.model)
        session.record(spec, "confirm")
    write_tables(session.experiment, session.workspace, session.used.values())
    if confirming:
        watcher.say(answer.sentence())
        watcher.phase("confirm", 1)
        answer = replace(answer, confirmation=confirm(session, factory, losses, comparison, fitted))
        write_tables(session.experiment, session.workspace, session.used.values())
    return Findings(inputs, losses, found, answer)


def prepare_inputs(
    experiment: Experiment,
    workspace: Workspace,
    watcher: Watcher,
    address: str | None,
    check: Callable[[Inputs], None] = lambda inputs: None,
) -> Inputs:
    """Find and make corpora; say what was counted. What was found is passed to `check` before anything is made."""
    watcher.phase("prepare")
    precision = choose_precision(experiment, address)
    on_progress: OnProgress = watcher.tokenised
    found = look(experiment, workspace, precision)
    check(found)
    made = {corpus.path for corpus in found.missing_corpora}
    inputs = prepare(found, on_progress)
    for base in inputs.bases[-1:]:
        for corpus in inputs.prepared(base).values():
            dropped = sum(count.dropped for count in corpus.counts.values())
            train, valid, test = (corpus.counts[split] for split in ("train", "valid", "test"))
            watcher.say(
                f"{corpus.name}: {train.tokens:,} training tokens in {train.documents:,} documents, {valid.tokens:,} "
                f"validation, {test.tokens:,} test; {dropped} duplicates dropped, "
                f"{corpus.bad} bad documents{'' if corpus.path in made else ' (cached)'}"
            )
            for warning in corpus.warnings:
                watcher.say(f"note: {warning}")
    return inputs


def base_losses(session: Session, inputs: Inputs, watcher: Watcher) -> BaseLosses:
    """Pre-train what is missing, measure all."""
    watcher.phase("base models", len(inputs.missing_bases))
    base_phase.pretrain(session, inputs)
    return base_phase.measure(session, inputs)


def find_settings(session: Session, inputs: Inputs, losses: BaseLosses, watcher: Watcher) -> Found:
    """The search."""
    active = session.experiment.design == "active"
    watcher.phase("search", None if active else session.experiment.search.trials)
    return search(session, inputs.factory(), losses)


def compare_methods(session: Session, inputs: Inputs, losses: BaseLosses, found: Found, watcher: Watcher) -> Comparison:
    """The methods side by side."""
    watcher.phase("compare")
    comparison = compare(session, inputs.factory(), losses, found)
    for method, differences in comparison.differences.items():
        words = ", ".join(f"{corpus} {d.difference:+.4f} ± {d.stderr:.4f}" for corpus, d in differences.items())
        watcher.say(f"{method} against {comparison.chosen} at {comparison.ratio:.0%}: {words} nats")
    return comparison


def find_law(
    session: Session, factory: SpecFactory, losses: BaseLosses, found: Found, comparison: Comparison
) -> tuple[Comparison, list[TrialRecord]]:
    """The law's trials; the comparison with the setting to train, and those of them that laws are fitted to."""
    if session.experiment.design == "active":
        comparison, trials = ActiveLaw(session, factory, losses, found, comparison).run()
    else:
        rates = check_rates(session, factory, losses, found, comparison)
        trials = measure_law(session, factory, comparison, rates)
    require_ratios(session, factory.target_model, trials)
    return comparison, trials


def fitted_records(session: Session, law_trials: Sequence[TrialRecord], method: str) -> list[TrialRecord]:
    """Everything but the method's law trials at learning rates and ranks that were tried and not taken."""
    kept = {record.id for record in law_trials}
    records = session.used.values()
    return [r for r in records if r.spec.role != "law" or r.spec.method != method or r.id in kept]


def work_ahead(session: Session, inputs: Inputs) -> bool:
    """Whether anything is sure to be computed, so that lanes may come up while the driver goes on."""
    if inputs.missing_bases:
        return True
    factory = inputs.factory()
    first = session.store.get(factory.base(factory.target_model, "full").id)
    return first is None or first.state != "completed"


def finish(session: Session, findings: Findings, outcome: Outcome, tracking: TrackingObserver) -> None:
    """Write report, artifacts and the summary; the summary last, so that its presence says all was written."""
    workspace, summary = session.workspace, outcome.to_dict()
    known = json.loads(workspace.summary.read_text(encoding="utf-8")) if workspace.summary.is_file() else {}
    same = {**known, "counts": None} == {**json.loads(json_text(summary)), "counts": None}
    if same and not outcome.counts.touched and workspace.report.is_file():
        tracking.deliver()
        return
    write_page(session, findings, outcome.counts)
    tracking.finish(findings.answer, findings.found, workspace)
    write_json(workspace.summary, summary)
