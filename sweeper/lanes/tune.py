"""What Ray Tune sees: a searcher that hands out the desk's trials, a scheduler that carries its verdicts."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher

from sweeper.lanes.desk import Desk
from sweeper.lanes.plan import LaneClasses

SIGNS_PER_SECOND = 16.0
"""Batches of signs of life that all trials together send at most: Tune handles one result after another."""


class DeskSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """Suggests the desk's next trial, or to stand by where there is none.

    Every phase of an experiment comes through one searcher: one study, one Tuner, roles in a queue.
    """

    def __init__(self, desk: Desk, classes: LaneClasses) -> None:
        super().__init__()
        self._desk, self._classes = desk, classes
        self._live: set[str] = set()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A configuration for `TrialProxy`; None where there are as many proxies as lanes can use."""
        if self._desk.closing:
            return str(Searcher.FINISHED)
        if len(self._live) >= self._desk.proxies:
            return None
        self._live.add(trial_id)
        generation = self._desk.generation  # before asking: a trial that comes in between wakes the stand-by at once
        record = self._desk.hand_out(trial_id)
        if record is None:
            return {"stand_by": generation}
        lanes = self._classes.of(record.spec)
        return {
            "spec": lanes.adapted(record.spec).model_dump_json(),
            "trial": record.id,
            "leaves": self._desk.leaves,
            "lane_class": lanes.name,
            "patience": self._desk.proxies / SIGNS_PER_SECOND,
        }

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take in what came with the end."""
        result = result or {}
        self._live.discard(trial_id)
        if "messages" in result:
            _deliver(self._desk, trial_id, result)
        if result.get("moved"):
            self._desk.move(trial_id)
        else:
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
        return str(self.CONTINUE if _deliver(self._desk, trial.trial_id, result) else self.STOP)


def _deliver(desk: Desk, trial_id: str, result: dict[str, Any]) -> bool:
    """Hand the messages of a result over; Tune keeps every trial's last result, which need not hold them too."""
    messages = list(result["messages"])
    result["messages"].clear()
    return bool(desk.receive(trial_id, result["first"], messages, result.get("node", "")))
