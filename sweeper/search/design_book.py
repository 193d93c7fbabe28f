"""The study as the book of a design: settings become study trials, and trials of an earlier call are found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sweeper.search.design_space import DesignSpace
from sweeper.search.outcome import Outcome
from sweeper.search.proposal import Proposal
from sweeper.search.study import TRIAL, Study
from sweeper.trials.record import TrialRecord

if TYPE_CHECKING:
    import optuna


class StudyBook:
    """Asks the study for given settings and tells it how their trials ended (`sweeper.search.designed.Book`).

    Args:
        study: The study.
        space: Its settings.
        record_of: The record of a proposal's trial.
        outcome_of: What the study is told of a trial.
    """

    def __init__(
        self,
        study: Study,
        space: DesignSpace,
        record_of: Callable[[Proposal], TrialRecord],
        outcome_of: Callable[[TrialRecord], Outcome],
    ) -> None:
        self._study, self._space, self._record_of, self._outcome_of = study, space, record_of, outcome_of
        self._open: dict[str, list[optuna.trial.Trial]] = {}
        """Study trials by the id of their record: two settings may differ in nothing that a trial knows of."""

    def begin(self, setting: int) -> TrialRecord:
        """Ask the study for a setting."""
        trial, proposal = self._study.ask_for(self._space.settings[setting])
        return self._enter(trial, proposal)

    def tell(self, record: TrialRecord) -> None:
        """Tell the study how a trial ended."""
        for trial in self._open.pop(record.id, []):
            self._study.tell(trial, self._outcome_of(record))

    def reopen(self) -> list[TrialRecord]:
        """Trials that an earlier call has not told of."""
        return [self._enter(trial, proposal) for trial, proposal in self._study.interrupted()]

    def _enter(self, trial: optuna.trial.Trial, proposal: Proposal) -> TrialRecord:
        record = self._record_of(proposal)
        trial.set_user_attr(TRIAL, record.id)
        self._open.setdefault(record.id, []).append(trial)
        return record
