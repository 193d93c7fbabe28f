"""The search where the design is active: every run, its length and its end are chosen by what they are worth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.design.axes import Setting as Values
from sweeper.design.chooser import Chooser
from sweeper.design.saving import Goal
from sweeper.experiment.distributions import Parameter, Value
from sweeper.experiment.quantities import format_tokens
from sweeper.pipeline.session import Session
from sweeper.search.design_book import StudyBook
from sweeper.search.design_space import design_space
from sweeper.search.designed import DesignedTrials, Enough
from sweeper.search.objective import Objective
from sweeper.search.outcome import Outcome
from sweeper.search.proposal import Proposal, middle
from sweeper.search.study import Study
from sweeper.trials.record import TrialRecord
from trainers.messages import Measurement

TARGET, EXCESS = "target", "excess"
"""What the design models: the target's loss, and the constrained corpus' loss above its base model's own limit."""
PARTIAL = 4
"""Trials that may be begun for each of `search.trials`, whose tokens they share: most of them are left early."""
HOPELESS = 0.05
"""A method is not compared any further where it is less likely than this to be the best."""


@dataclass(frozen=True)
class Trials:
    """What an active search stands on.

    Attributes:
        study: Keeps every trial.
        objective: What is minimised.
        record_of: The record of a proposal's trial.
        outcome_of: What the study is told of a trial.
        checkpoints: Tokens at which trials are measured, rising.
        sizes: Parameters of the base models, over those of the one to adapt.
    """

    study: Study
    objective: Objective
    record_of: Callable[[Proposal], TrialRecord]
    outcome_of: Callable[[TrialRecord], Outcome]
    checkpoints: Sequence[int]
    sizes: Mapping[str, float]


class ActiveSearch:
    """Drives the search, and says how good each trial's setting is expected to be.

    Args:
        session: The run.
        trials: What it stands on.
    """

    def __init__(self, session: Session, trials: Trials) -> None:
        self._session, self._trials = session, trials
        search, seed = session.experiment.search, session.experiment.seed
        self._over = f"active search of {search.trials} trials is over"
        parameters = search.space.parameters(session.experiment.target)
        known, starts = self._known(), _whole(trials.study.first, parameters)
        self._space = design_space(parameters, seed=seed, given=[*starts, *(values for values, _ in known)])
        self._chooser = Chooser(
            self._space.axes,
            self._space.settings,
            trials.checkpoints,
            Goal(TARGET, EXCESS, 0.0, search.penalty),
            first=[self._space.number(values) for values in starts],
            seed=seed,
            cost=self._price,
        )
        self._book = StudyBook(trials.study, self._space, trials.record_of, trials.outcome_of)
        runs = [(self._space.number(values), record) for values, record in known]
        enough = Enough(PARTIAL * search.trials, float(search.trials * search.max_tokens))
        self._source = DesignedTrials(self._chooser, self._book, enough, self._losses, runs)
        self.records = self._source.records
        """All trials of the search."""

    def run(self) -> None:
        """Run what is worth it; nothing where an earlier call has come to its end."""
        study = self._trials.study
        if study.decided(self._over):
            return
        for record in self._book.reopen():
            self._session.used[record.id] = record
        self._session.drive(self._source)
        for record in self._source.close():
            self._session.settle(record)
        study.frozen(self._over, lambda: True)
        self._session.say(self._saved())

    def expected(self, record: TrialRecord) -> float:
        """The objective that a trial's setting is expected to have after `search.max_tokens`, nats."""
        return float(self._chooser.expected([self._setting_of(record)])[0])

    def chances(self, records: Sequence[TrialRecord]) -> list[float]:
        """How likely the setting of each of these trials is the best of them."""
        return [float(x) for x in self._chooser.chances([[self._setting_of(record)] for record in records])]

    # -----------------------------------------------------------------------------------------------------------------

    def _known(self) -> list[tuple[Values, TrialRecord]]:
        """Trials of earlier calls, with their values."""
        get = self._session.store.get
        return [(values, record) for values, name in self._trials.study.known() if (record := get(name)) is not None]

    def _setting_of(self, record: TrialRecord) -> int:
        return self._chooser.runs[self.records.index(record)].setting

    def _price(self, values: Values) -> float:
        return self._trials.sizes.get(str(values.get("base_model")), 1.0)

    def _losses(self, record: TrialRecord, measurement: Measurement) -> dict[str, float]:
        objective = self._trials.objective.on(record)
        return {TARGET: measurement.loss(objective.target), EXCESS: objective.excess(measurement)}

    def _saved(self) -> str:
        search = self._session.experiment.search
        spent = sum(record.last.tokens for record in self.records if record.last is not None)
        most = search.trials * search.max_tokens
        why = "no run was worth its tokens any more" if self._chooser.satisfied else "its tokens were used"
        regret = self._chooser.regret()
        return (
            f"search: {format_tokens(spent)} of at most {format_tokens(most)} tokens, {1 - spent / most:.0%} saved: "
            f"{why}; expected regret {regret:.4f} nats"
        )


def _whole(first: Sequence[Mapping[str, Value]], parameters: Sequence[Parameter]) -> list[dict[str, Value]]:
    """Starting points with every parameter: what they leave open is in the middle of its range."""
    methods: Any = next(p for p in parameters if p.field == "method").distribution
    return [{**middle(parameters, str(values.get("method", methods.choices[0]))), **values} for values in first]
