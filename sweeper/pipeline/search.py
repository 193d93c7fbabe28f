"""The search on the last base model, and what later phases take from it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sweeper.experiment.model import Experiment
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.session import PhaseError, Session
from sweeper.pipeline.specs import SpecFactory
from sweeper.search.objective import Objective
from sweeper.search.proposal import Proposal
from sweeper.search.source import SearchTrials, is_final
from sweeper.search.study import Study
from sweeper.trials.record import TrialRecord
from trainers.spec import Method


@dataclass(frozen=True)
class Setting:
    """A method with the learning rate and rank that search found best for it."""

    method: Method
    learning_rate: float
    lora_r: int | None
    domain_ratio: float
    """Of the trial that found it."""
    objective: float

    @property
    def words(self) -> str:
        """For people."""
        rank = f", rank {self.lora_r}" if self.lora_r else ""
        return f"{self.method}, learning rate {self.learning_rate:.3g}{rank}"


@dataclass(frozen=True)
class Found:
    """What the search found."""

    study: Study
    records: Sequence[TrialRecord]
    settings: dict[Method, Setting]
    """The best of each method, frozen when the law was first designed."""

    @property
    def best(self) -> Setting:
        """The best of all."""
        return min(self.settings.values(), key=lambda setting: setting.objective)


def objective_for(experiment: Experiment, losses: BaseLosses, base: str) -> Objective:
    """What is minimised on one base model: its own unquantised loss sets the limit."""
    constraint = experiment.constraint
    limit = (1.0 + constraint.max_increase) * losses.loss(base, constraint.corpus)
    return Objective(experiment.target, constraint.corpus, limit, experiment.search.penalty)


def search(session: Session, factory: SpecFactory, losses: BaseLosses) -> Found:
    """Run the search to its number of trials and freeze the best setting of each method.

    Raises:
        PhaseError: no trial gave a result.
    """
    experiment = session.experiment
    objective = objective_for(experiment, losses, factory.target_model)
    study = _open(session, factory, objective)

    def record_of(proposal: Proposal) -> TrialRecord:
        spec = factory.search(
            proposal.method,  # type: ignore[arg-type]  # the space's choices are methods
            proposal.learning_rate,
            proposal.lora_r,
            proposal.domain_ratio,
        )
        return session.record(spec, "search")

    known = [record for trial_id in study.finished() if (record := session.store.get(trial_id)) is not None]
    for record in known:
        session.used[record.id] = record
    session.counts.reuse(known)
    source = SearchTrials(study, experiment.search.trials, objective, record_of)
    session.drive(source)
    session.counts.reuse(record for record in source.records if is_final(record))  # told without being run
    records = [*known, *source.records]
    settings = study.frozen(
        "settings", lambda: {method: asdict(found) for method, found in best_settings(records, objective).items()}
    )
    return Found(study, records, {method: Setting(**setting) for method, setting in settings.items()})


def best_settings(records: Sequence[TrialRecord], objective: Objective) -> dict[Method, Setting]:
    """The best trial of each method: among those that were completed, else among those that were measured at all.

    Raises:
        PhaseError: there is none.
    """
    measured = [record for record in records if record.last is not None and record.state != "failed"]
    best: dict[Method, Setting] = {}
    for method in sorted({record.spec.method for record in measured}):
        of_method = [record for record in measured if record.spec.method == method]
        completed = [record for record in of_method if record.state == "completed"]
        ranked = sorted(
            (_setting(record, objective) for record in completed or of_method), key=lambda setting: setting.objective
        )
        best[method] = ranked[0]
    if not best:
        raise PhaseError("search: no trial gave a result; look at the reasons in the trials' records")
    return best


def _setting(record: TrialRecord, objective: Objective) -> Setting:
    assert record.last is not None
    spec = record.spec
    return Setting(
        method=spec.method,
        learning_rate=spec.learning_rate,
        lora_r=spec.lora.r if spec.lora else None,
        domain_ratio=spec.mixture.get(objective.target, 0.0),
        objective=objective(record.last),
    )


def _open(session: Session, factory: SpecFactory, objective: Objective) -> Study:
    experiment, search = session.experiment, session.experiment.search
    rungs = factory.search("full", 1.0, None, 0.0).rungs
    return Study(
        session.workspace.study,
        _study_name(experiment, factory, objective),
        search.space.parameters(),
        sampler=search.sampler,
        startup_trials=search.startup_trials,
        pruner=search.pruner,
        rungs=rungs,
        seed=experiment.seed,
    )


def _study_name(experiment: Experiment, factory: SpecFactory, objective: Objective) -> str:
    """Differs as soon as results would not be comparable; the number of trials is left out: a search is topped up."""
    example = factory.search("full", 1.0, None, 0.5)
    content = [
        example.content(),
        [str(parameter) for parameter in experiment.search.space.parameters()],
        [experiment.search.sampler, experiment.search.pruner, asdict(objective)],
        experiment.trainer.model_dump(mode="json"),
    ]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{experiment.name}-{digest[:10]}"
