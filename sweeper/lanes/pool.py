"""The lanes of an executor: brought up in the background, watched, replaced, ended. The driver owns them."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from sweeper.lanes import cluster
from sweeper.lanes.cluster import ClusterError
from sweeper.lanes.lane import Lane, LaneShape
from sweeper.lanes.switchboard import Switchboard

START_SECONDS = 300.0
END_SECONDS = 3.0
"""For workers to go home where Ray ends too."""
SHARED_END_SECONDS = 8.0
"""The same where others go on using Ray: a group that is killed while it starts keeps its CPUs as long as this process
lives."""
ANSWER_SECONDS = 60.0
"""For an actor's answer to a question that it need not think about."""
_PAUSE = json.dumps({"action": "pause", "reason": "interrupted"})
_log = logging.getLogger(__name__)


class LanePool:
    """So many lanes of one shape, and the switchboard that trials lease them from.

    Args:
        lanes: How many.
        shape: What each holds.
        on_failure: Called from a thread with the error of a lane that could not be brought up.
    """

    def __init__(self, lanes: int, shape: LaneShape, on_failure: Callable[[BaseException], None]) -> None:
        self._shape, self._on_failure = shape, on_failure
        self._coming: dict[str, Any] = {}
        self._up: dict[str, Any] = {}
        self._threads: list[threading.Thread] = []
        self._closing = False
        self.switchboard = _on_head(Switchboard, 4 * lanes + 8).remote()
        for index in range(lanes):
            self._bring_up(f"lane-{index}")

    def watch(self) -> None:
        """Replace lanes whose actor or worker group has ended, or whose workers hang."""
        import ray

        for name, lane in list(self._up.items()):
            error = _ask(lane.error.remote(), gone="its actor has died") or self._hung(lane)
            if error:
                _log.warning("%s is lost (%s); starting it again", name, error)
                del self._up[name]
                ray.get(self.switchboard.remove.remote(name))
                ray.kill(lane)
                self._bring_up(name)

    def _hung(self, lane: Any) -> str:
        """Why a lane is to be given up though its processes live; empty where it is not."""
        limit = self._shape.hung_seconds
        if _ask(lane.silence.remote(), gone=0.0) <= limit:
            return ""
        reason = f"no sign of life for {limit:.0f} s (resources.hung_seconds)"
        _ask(lane.note.remote(reason), gone=None)
        return reason

    def pause(self) -> None:
        """Tell every job under way to write a checkpoint and return; new ones find no lane."""
        self.switchboard.close.remote()
        for lane in list(self._up.values()):
            number = _ask(lane.current.remote(), gone=None)
            if number is not None:
                lane.halt.remote(number, _PAUSE)

    def close(self, *, shared: bool) -> None:
        """Send the workers home, end lanes and switchboard; `shared` where Ray does not end after that."""
        import ray

        self._closing = True
        lanes = [*self._up.values(), *self._coming.values()]
        for lane in lanes:
            lane.close.remote()
        deadline = time.monotonic() + (SHARED_END_SECONDS if shared else END_SECONDS)
        while time.monotonic() < deadline and not all(_ask(lane.ended.remote(), gone=True) for lane in lanes):
            time.sleep(0.1)
        for actor in [*lanes, self.switchboard]:
            ray.kill(actor)
        for thread in self._threads:  # each sees its lane gone; none may ask Ray for anything after it was left
            thread.join(END_SECONDS)

    def _bring_up(self, name: str) -> None:
        thread = threading.Thread(target=self._start, args=(name,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _start(self, name: str) -> None:
        # The thread has no caller: what goes wrong is handed to whoever waits for trials.
        try:
            self._start_lane(name)
        except Exception as error:
            if not self._closing:
                self._on_failure(error)

    def _start_lane(self, name: str) -> None:
        import ray

        # A name of its own in Ray Train's books: under one that is known it would resume that run's state.
        run = f"{name}-{uuid.uuid4().hex[:8]}"
        # Where several Rays run on a machine, what Ray Train starts to give back a dead lane's CPUs cannot tell which
        # is its own without the address.
        env = {"env_vars": {"RAY_ADDRESS": ray.get_runtime_context().gcs_address}}
        actor = _on_head(Lane, 8 * self._shape.workers + 16, runtime_env=env)
        lane = self._coming[name] = actor.remote(run, self._shape)
        ray.get(lane.start.remote(lane))
        deadline = time.monotonic() + START_SECONDS
        while not ray.get(lane.ready.remote(2.0)):
            error = ray.get(lane.error.remote())
            if error or time.monotonic() > deadline:
                raise ClusterError(f"{name} did not come up: {error or f'nothing for {START_SECONDS:.0f} s'}")
        self._up[name] = self._coming.pop(name)
        ray.get(self.switchboard.add.remote(name, lane))


def _ask(reference: Any, gone: Any) -> Any:
    """What an actor answers, or `gone` where there is none any more, or none that answers."""
    import ray

    try:
        return ray.get(reference, timeout=ANSWER_SECONDS)
    except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError):
        return gone


def _on_head(actor: type, concurrency: int, **options: Any) -> Any:
    import ray

    place = {"num_cpus": 0, "resources": {cluster.HEAD: 0.001}}
    return ray.remote(actor).options(max_concurrency=concurrency, **place, **options)
