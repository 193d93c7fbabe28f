"""What Ray Tune starts, stops or drops at will: a trial that only holds a lease on a lane."""

import json
from typing import Any

from ray import tune

POLL_SECONDS = 20.0
STAND_BY_SECONDS = 3600.0


class TrialProxy(tune.Trainable):  # type: ignore[misc]  # Ray has no types
    """A Tune trial that posts its spec to a leased lane and passes the messages on, one batch a `step`.

    `config` holds either `spec` (JSON), `trial` (the spec's id), `lane_class` and `patience` (seconds that signs of
    life may wait), or `stand_by` (a generation): a stand-by trial waits until there is something to run: Tune asks a
    searcher that has nothing only once a second.

    A rung is passed by the next `step`: Tune takes one only where its scheduler let the trial go on.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Take the trial of `config`; the lane is leased at the first `step`."""
        self._switchboard: Any = None
        self._lane: Any = None
        self._node = ""
        self._number = 0
        self._read = 0
        self._waiting_at: int | None = None
        self._config = config

    def connect(self, switchboard: Any) -> None:
        """Who leases the lanes."""
        self._switchboard = switchboard

    def step(self) -> dict[str, Any]:
        """The next messages, up to a rung or the end."""
        import ray

        if "stand_by" in self._config:
            ray.get(self._switchboard.stand_by.remote(self._config["stand_by"], STAND_BY_SECONDS))
            return {"done": True, "stand_by": True}
        try:
            return self._next()
        except ray.exceptions.RayActorError:
            self._lane = None
            why = ray.get(self._switchboard.forget.remote(self._config["trial"]))
            return {"done": True, "first": self._read, "messages": [], "lost": why or "its process died"}

    def _next(self) -> dict[str, Any]:
        import ray

        if self._lane is None and not self._begin():
            return {"done": True, "first": 0, "messages": []}
        if self._waiting_at is not None:
            ray.get(self._lane.answer.remote(self._number, self._waiting_at, _CONTINUE))
            self._waiting_at = None
        first = self._read
        patience = self._config.get("patience", 0.0)
        found = ray.get(self._lane.messages.remote(self._number, self._read, POLL_SECONDS, patience))
        if found is None:
            self._lane = None
            return {"done": True, "first": first, "messages": [], "moved": True}
        messages = self._batch(found)
        done = bool(messages) and json.loads(messages[-1])["kind"] in ("finished", "failure")
        if done:
            self._give_back()
        return {"done": done, "first": first, "messages": messages, "node": self._node}

    def _batch(self, messages: list[str]) -> list[str]:
        """Up to and including the first rung, at which the trial stands still until it is answered."""
        batch = []
        for text in messages:
            batch.append(text)
            message = json.loads(text)
            if message["kind"] == "measurement" and message["tokens"] in self._rungs:
                self._waiting_at = message["tokens"]
                break
        self._read += len(batch)
        return batch

    def _begin(self) -> bool:
        """Lease a lane and post the spec; False where no lane will come any more."""
        import ray

        spec, trial = self._config["spec"], self._config["trial"]
        self._rungs = set(json.loads(spec)["rungs"])
        lease = None
        while lease is None:
            lease = ray.get(self._switchboard.lease.remote(trial, POLL_SECONDS, self._config["lane_class"]))
            if lease is None and ray.get(self._switchboard.closed.remote()):
                return False
        _, self._lane = lease
        offer = ray.get(self._lane.offer.remote(spec))
        if offer.busy:  # a proxy died without giving the lane back; a checkpoint saves what its trial did
            self._halt(offer.number, _PAUSE)
            offer = ray.get(self._lane.offer.remote(spec))
        self._number, self._node = offer.number, offer.node
        return True

    def _halt(self, number: int, verdict: str) -> None:
        import ray

        ray.get(self._lane.halt.remote(number, verdict))
        self._settle(number)

    def _settle(self, number: int) -> None:
        import ray

        while not ray.get(self._lane.settled.remote(number, POLL_SECONDS)):
            continue

    def _release(self) -> None:
        """Tune stops the trial before its end: halt it, and give its lane back."""
        import ray

        if self._lane is None:
            return
        try:
            ray.get(self._lane.halt.remote(self._number, _LEAVE if self._config.get("leaves") else _STOP))
            self._give_back()
        except ray.exceptions.RayActorError:  # it has died; the driver replaces it
            self._lane = None
            self._switchboard.forget.remote(self._config["trial"])

    def _give_back(self) -> None:
        """Give the lane back once every rank is free."""
        import ray

        self._settle(self._number)
        self._lane = None
        ray.get(self._switchboard.release.remote(self._config["trial"]))

    def cleanup(self) -> None:
        """Tune is through with the trial."""
        self._release()

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Nothing: checkpoints are the trials' own."""
        return {}

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: checkpoints are the trials' own."""


_CONTINUE = json.dumps({"action": "continue"})
_PAUSE = json.dumps({"action": "pause", "reason": "its proxy was lost"})
_LEAVE = json.dumps({"action": "pause", "reason": "left by the sweep, which may come back to it"})
_STOP = json.dumps({"action": "stop", "reason": "stopped by the sweep"})
