"""The search on the base model to adapt, and what later phases take from it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from sweeper.experiment.model import Experiment
from sweeper.experiment.named import short
from sweeper.pipeline.active_search import ActiveSearch, Trials
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.search_findings import search_front, warmed_lines
from sweeper.pipeline.session import Session
from sweeper.pipeline.settings import Setting, best_settings, contenders
from sweeper.pipeline.specs import SpecFactory
from sweeper.pipeline.warm import warm_start
from sweeper.search.fronts import Front
from sweeper.search.leads import Lead, leads
from sweeper.search.objective import Objective
from sweeper.search.paired_pruning import PairedPruning
from sweeper.search.proposal import Proposal
from sweeper.search.source import SearchTrials, is_final, outcome_of
from sweeper.search.study import Study
from sweeper.search.warm_start import WarmStart
from sweeper.trials.record import TrialRecord
from trainers.spec import Method


@dataclass(frozen=True)
class Found:
    """What the search found."""

    study: Study
    records: Sequence[TrialRecord]
    settings: dict[Method, Setting]
    """The best of each method, frozen when the law was first designed."""
    front: Front | None = None
    """What its trials trade off."""
    leads: tuple[Lead, ...] = ()
    """How sure it is that its best trial is the best."""
    warm_start: Mapping[str, Any] | None = None
    """What earlier runs said of learning rates, frozen when the search began."""

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "front": self.front.to_dict() if self.front is not None else None,
            "best": [lead.to_dict() for lead in self.leads],
            "warm_start": self.warm_start,
        }

    @property
    def best(self) -> Setting:
        """The best of all."""
        return min(self.settings.values(), key=lambda setting: setting.objective)

    @property
    def base_model(self) -> str | None:
        """The model to adapt, where the search chooses it: all settings are of it."""
        return self.best.base_model


def objective_for(experiment: Experiment, losses: BaseLosses, base: str) -> Objective:
    """What is minimised on one base model: its own unquantised loss sets the limit.

    Where the search chooses the base model, a trial is held against its own one's limit.
    """
    constraint, searched = experiment.constraint, experiment.search.space.base_models
    limits = {
        name: (1.0 + constraint.max_increase) * losses.loss(name, constraint.corpus) for name in (base, *searched)
    }
    others = {name: limits[name] for name in searched if name != base}
    return Objective(experiment.target, constraint.corpus, limits[base], experiment.search.penalty, others)


def search(session: Session, factory: SpecFactory, losses: BaseLosses) -> Found:
    """Run the search to its number of trials and freeze the best setting of each method.

    Raises:
        PhaseError: no trial gave a result.
    """
    experiment = session.experiment
    objective = objective_for(experiment, losses, factory.target_model)
    warm = warm_start(session, factory, losses, objective)
    study = _open(session, factory, objective, warm)
    warmed = study.frozen("warm start", warm.to_dict) if warm is not None else None

    def record_of(proposal: Proposal) -> TrialRecord:
        return session.record(factory.proposed(proposal), "search")

    if not study.decided("settings"):
        study.ask_again()
    for line in warmed_lines(warmed or {}):
        session.say(line)
    if experiment.design == "active":
        return _active(session, factory, losses, study, objective, record_of, warmed)
    known = [record for trial_id in study.finished() if (record := session.store.get(trial_id)) is not None]
    for record in known:
        session.used[record.id] = record
    session.counts.reuse(known)
    started = [record for trial_id in study.started() if (record := session.store.get(trial_id)) is not None]
    pruning = PairedPruning(experiment.search.pruner, _rungs(factory), objective, started)
    names = experiment.search.objectives
    source = SearchTrials(study, experiment.search.trials, objective, record_of, pruning, names)
    session.drive(source)
    session.counts.reuse(record for record in source.records if is_final(record))  # told without being run
    records = [*known, *source.records]
    session.require_measured(records, "search")
    settings = _frozen(study, lambda: best_settings(records, objective, experiment.search.space.fields))
    front = search_front(experiment, losses, records, objective, factory.target_model)
    return Found(study, records, settings, front, leads(records, objective), warmed)


def _active(
    session: Session,
    factory: SpecFactory,
    losses: BaseLosses,
    study: Study,
    objective: Objective,
    record_of: Callable[[Proposal], TrialRecord],
    warmed: dict[str, Any] | None,
) -> Found:
    """The search where the design chooses every run, and says what each setting is expected to come to."""
    bases = session.experiment.search.space.base_models
    sizes = {base: losses.params(base) / losses.params(factory.target_model) for base in bases}
    checkpoints = (*_rungs(factory), session.experiment.search.max_tokens)
    trials = Trials(study, objective, record_of, partial(outcome_of, objective=objective), checkpoints, sizes)
    active = ActiveSearch(session, trials)
    done = [record for record in active.records if is_final(record)]
    session.used.update({record.id: record for record in done})
    session.counts.reuse(done)
    active.run()
    settings = _frozen(study, lambda: contenders(session, active, objective))
    front = search_front(session.experiment, losses, active.records, objective, factory.target_model)
    return Found(study, active.records, settings, front, leads(active.records, objective), warmed)


def _frozen(study: Study, decide: Callable[[], dict[Method, Setting]]) -> dict[Method, Setting]:
    settings = study.frozen("settings", lambda: {method: asdict(setting) for method, setting in decide().items()})
    return {method: Setting.from_json(setting) for method, setting in settings.items()}


def _open(session: Session, factory: SpecFactory, objective: Objective, warm: WarmStart | None) -> Study:
    experiment, search = session.experiment, session.experiment.search
    return Study(
        session.workspace.study,
        _study_name(experiment, factory, objective),
        search.space.parameters(experiment.target),
        sampler=search.sampler,
        startup_trials=search.startup_trials,
        pruner=search.pruner,
        rungs=_rungs(factory),
        max_tokens=search.max_tokens,
        seed=experiment.seed,
        objectives=len(search.objectives),
        starts=warm.starts if warm is not None else dict,
        prior=warm.prior if warm is not None else None,
        enqueue=search.enqueue,
        designed=experiment.design == "active",
    )


def _rungs(factory: SpecFactory) -> tuple[int, ...]:
    """Tokens at which a trial of the file's batch may be stopped."""
    return factory.search("full", 1.0, None, 0.0).rungs


def _study_name(experiment: Experiment, factory: SpecFactory, objective: Objective) -> str:
    """Differs as soon as results would not be comparable; the number of trials is left out: a search is topped up."""
    example, search = factory.search("full", 1.0, None, 0.5), experiment.search
    content = [
        example.content(),
        [str(parameter) for parameter in search.space.parameters(experiment.target)],
        [short(search.sampler), short(search.pruner), {k: v for k, v in asdict(objective).items() if v != {}}],
        *(["active"] if experiment.design == "active" else []),
        *([list(search.objectives)] if len(search.objectives) > 1 else []),
        experiment.trainer.model_dump(mode="json"),
    ]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return f"{experiment.name}-{digest[:10]}"
