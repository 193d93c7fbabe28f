"""What Ray Tune sees: a searcher that hands out the desk's trials, a scheduler that carries its verdicts."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from sweeper.lanes.desk import Desk


class DeskSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """Suggests the desk's next trial, or to stand by where there is none.

    Every phase of an experiment comes through one searcher: one study, one Tuner, roles in a queue.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A configuration for `TrialProxy`."""
        if self._desk.closing:
            return str(Searcher.FINISHED)
        generation = self._desk.generation  # before asking: a trial that comes in between wakes the stand-by at once
        record = self._desk.hand_out(trial_id)
        if record is None:
            return {"stand_by": generation}
        return {"spec": record.spec.model_dump_json(), "trial": record.id, "leaves": self._desk.leaves}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take in what came with the end."""
        result = result or {}
        if "messages" in result:
            self._desk.receive(trial_id, result["first"], result["messages"], result.get("node", ""))
        self._desk.complete(trial_id, "its Tune process died" if error else result.get("lost", ""))

    def set_search_properties(self, *args: Any, **kwargs: Any) -> bool:
        """Nothing to set: the space is the study's."""
        return True

    def save(self, checkpoint_path: str) -> None:
        """Nothing: truth is in the study and the trials' records."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: truth is in the study and the trials' records."""


class VerdictScheduler(FIFOScheduler):  # type: ignore[misc]  # Ray has no types
    """Stops what the desk says to stop."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Take the messages in; the verdict on a rung comes back at once."""
        go_on = self._desk.receive(trial.trial_id, result["first"], result["messages"], result.get("node", ""))
        return str(self.CONTINUE if go_on else self.STOP)
