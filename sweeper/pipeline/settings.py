"""What later phases train with: the best trial of each method, as a setting."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sweeper.experiment.recipe import Recipe
from sweeper.pipeline.active_search import HOPELESS, ActiveSearch
from sweeper.pipeline.session import PhaseError, Session
from sweeper.pipeline.specs import AS_GIVEN, recipe_of
from sweeper.search.objective import Objective
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
    return {method: setting_of(record, objective, fields) for method, record in best.items()}


def best_trials(
    measured: Sequence[TrialRecord], rank: Callable[[TrialRecord], Any], fields: Collection[str]
) -> dict[Method, TrialRecord]:
    """The trial of each method with the least `rank`, all of one base model."""
    if "base_model" in fields:
        name = min(measured, key=rank).spec.model.name
        measured = [record for record in measured if record.spec.model.name == name]
    methods = sorted({record.spec.method for record in measured})
    return {m: min((record for record in measured if record.spec.method == m), key=rank) for m in methods}


def setting_of(record: TrialRecord, objective: Objective, fields: Collection[str]) -> Setting:
    """What a trial was trained with; `fields` are those that the space says something of."""
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


def contenders(session: Session, active: ActiveSearch, objective: Objective) -> dict[Method, Setting]:
    """The best setting of each method that may yet be the best of all, by what an active search expects of it."""
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
    found = {method: setting_of(record, objective, fields) for method, record in best.items()}
    return {method: replace(setting, objective=worth[best[method].id]) for method, setting in found.items()}
