"""The search on the base model to adapt, and what later phases take from it."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from sweeper.experiment.model import Experiment
from sweeper.experiment.named import short
from sweeper.experiment.recipe import Recipe
from sweeper.pipeline.active_search import HOPELESS, ActiveSearch, Trials
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.search_findings import search_front, warmed_lines
from sweeper.pipeline.session import PhaseError, Session
from sweeper.pipeline.specs import AS_GIVEN, SpecFactory, recipe_of
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
class Setting:
    """A method with the learning rate and rank that search found best for it."""

    method: Method
    learning_rate: float
    lora_r: int | None
    domain_ratio: float
    """Of the trial that found it."""
    objective: float
    recipe: Recipe = AS_GIVEN
    """What else was searched; later phases train with it."""
    base_model: str | None = None
    """Where the search chooses it; None: the last."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Setting":
        """From what `asdict` gave, by way of JSON."""
        return cls(**{**data, "recipe": Recipe(**data.get("recipe", {}))})

    @property
    def words(self) -> str:
        """For people."""
        rank = f", rank {self.lora_r}" if self.lora_r else ""
        more = f", {self.recipe.words}" if self.recipe.words else ""
        return f"{self.method}, learning rate {self.learning_rate:.3g}{rank}{more}"


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
    settings = _frozen(study, lambda: _contenders(session, active, objective))
    front = search_front(session.experiment, losses, active.records, objective, factory.target_model)
    return Found(study, active.records, settings, front, leads(active.records, objective), warmed)


def _contenders(session: Session, active: ActiveSearch, objective: Objective) -> dict[Method, Setting]:
    """The best setting of each method that may yet be the best of all."""
    fields = session.experiment.search.space.fields
    measured = [record for record in active.records if record.last is not None and record.state != "failed"]
    if not measured:
        return best_settings(active.records, objective, fields)  # which says why there is none
    worth = {record.id: active.expected(record) for record in measured}
    best = best_trials(measured, lambda record: worth[record.id], fields)
    chances = dict(zip(best, active.chances(list(best.values())), strict=True))
    likeliest = max(chances, key=lambda method: chances[method])
    for method in [method for method in best if chances[method] < HOPELESS and method != likeliest]:
        session.say(f"{method} is left out: its best setting is the better one with probability {chances[method]:.2f}")
        del best[method]
    found = {method: _setting(record, objective, fields) for method, record in best.items()}
    return {method: replace(setting, objective=worth[best[method].id]) for method, setting in found.items()}


def _frozen(study: Study, decide: Callable[[], dict[Method, Setting]]) -> dict[Method, Setting]:
    settings = study.frozen("settings", lambda: {method: asdict(setting) for method, setting in decide().items()})
    return {method: Setting.from_json(setting) for method, setting in settings.items()}


def best_settings(
    records: Sequence[TrialRecord], objective: Objective, fields: Collection[str] = ()
) -> dict[Method, Setting]:
    """The best trial of each method: among those that were completed, else among those that were measured at all.

    The best has the least target loss among those that hold the constraint; where none does, the least objective.
    Where the base model is searched, that of the best trial of all is taken for every method.

    Args:
        records: Trials of the search.
        objective: What they are compared by.
        fields: What the space says of them, as `Space.fields`: what it leaves to the file stays with the file.

    Raises:
        PhaseError: there is none.
    """
    measured = [record for record in records if record.last is not None and record.state != "failed"]
    if not measured:
        failed = next((record for record in records if record.state == "failed"), None)
        why = f" ({failed.short_reason}); one of them alone: {failed.reproduce}" if failed else ""
        raise PhaseError(f"search: no trial gave a result{why}")
    best = best_trials(measured, lambda record: (record.state != "completed", objective.rank(record)), fields)
    return {method: _setting(record, objective, fields) for method, record in best.items()}


def best_trials(
    measured: Sequence[TrialRecord], rank: Callable[[TrialRecord], Any], fields: Collection[str]
) -> dict[Method, TrialRecord]:
    """The trial of each method with the least `rank`, all of one base model."""
    if "base_model" in fields:
        name = min(measured, key=rank).spec.model.name
        measured = [record for record in measured if record.spec.model.name == name]
    methods = sorted({record.spec.method for record in measured})
    return {m: min((record for record in measured if record.spec.method == m), key=rank) for m in methods}


def _setting(record: TrialRecord, objective: Objective, fields: Collection[str]) -> Setting:
    spec = record.spec
    return Setting(
        method=spec.method,
        learning_rate=spec.learning_rate,
        lora_r=spec.lora.r if spec.lora else None,
        domain_ratio=spec.mixture.get(objective.target, 0.0),
        objective=objective.of(record),
        recipe=recipe_of(spec, objective.target, fields),
        base_model=spec.model.name if "base_model" in fields else None,
    )


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
