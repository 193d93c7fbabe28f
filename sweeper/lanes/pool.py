"""The lanes of an executor: brought up in the background, watched, replaced, given back. The driver owns them."""

import json
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from sweeper.lanes.held_lane import HeldLane, ask
from sweeper.lanes.lane_actors import LaneMaker, on_head
from sweeper.lanes.plan import ClusterError, LanePlan
from sweeper.lanes.proxy_host import Hosts
from sweeper.lanes.switchboard import Switchboard

END_SECONDS = 3.0
"""For workers to go home where Ray ends too."""
SHARED_END_SECONDS = 8.0
"""The same where others go on using Ray: a group that is killed while it starts keeps its CPUs as long as this process
lives."""
LOST_SECONDS = 15.0
"""For Ray Train to start the workers of a lost machine elsewhere; after that their trial goes to another lane."""
RETRY_SECONDS = 60.0
"""Until a lane is tried again after one that could not be brought up."""
_PAUSE = json.dumps({"action": "pause", "reason": "interrupted"})
_log = logging.getLogger(__name__)


class LanePool:
    """The lanes there are, of every class, and the switchboard that trials lease them from.

    Args:
        plans: The classes, shaped.
        maker: Makes lanes.
        on_failure: Called with the error where a class has no lane and none can be brought up.
    """

    def __init__(
        self, plans: Sequence[LanePlan], maker: LaneMaker, on_failure: Callable[[BaseException], None]
    ) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._maker, self._on_failure = maker, on_failure
        self._held: dict[str, HeldLane] = {}
        self._lock = threading.RLock()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._made = 0
        self._not_before: dict[str, float] = {}
        """When a class whose lane could not be brought up is tried again."""
        most = sum(plan.lanes or 0 for plan in plans)
        self.switchboard = on_head(Switchboard, 4 * most + 8).remote()
        self.hosts = Hosts(self.switchboard)
        """Of the trials' proxies."""

    def lanes(self, name: str, *states: str) -> list[HeldLane]:
        """The lanes of a class that are in one of these states."""
        with self._lock:
            return [lane for lane in self._held.values() if lane.plan.name == name and lane.state in states]

    def count(self, *states: str) -> Counter[str]:
        """Lanes in one of these states, by class."""
        return Counter({name: len(self.lanes(name, *states)) for name in self._plans})

    # How many --------------------------------------------------------------------------------------------------------

    def adjust(self, targets: Mapping[str, int], idle_seconds: float) -> None:
        """Bring up what is missing; let go what is too much.

        Args:
            targets: Lanes of each class that there are to be.
            idle_seconds: For how long a lane must have been idle to be let go. Where another class is short of lanes it
                need not be idle at all: it goes when its trial has ended.
        """
        counts = self.count("coming", "up")
        short = any(counts[name] < target for name, target in targets.items())
        for name, target in targets.items():
            surplus = counts[name] - target
            if surplus > 0:
                self._let_go(name, surplus, 0.0 if short else idle_seconds, busy_too=short)
            for _ in range(-surplus if time.monotonic() > self._not_before.get(name, 0.0) else 0):
                self._bring_up(self._plans[name])
        for lane in [lane for name in self._plans for lane in self.lanes(name, "leaving")]:
            self._end_when_free(lane)

    def _let_go(self, name: str, surplus: int, idle_seconds: float, *, busy_too: bool) -> None:
        import ray

        coming = self.lanes(name, "coming")
        idle = ray.get(self.switchboard.idle.remote())
        up = sorted(self.lanes(name, "up"), key=lambda lane: -idle.get(lane.name, -1.0))
        leaving = [*coming, *(lane for lane in up if busy_too or idle.get(lane.name, -1.0) >= idle_seconds)]
        for lane in leaving[:surplus]:
            _log.info("%s is let go", lane.name)
            lane.state = "leaving"

    def _end_when_free(self, lane: HeldLane) -> None:
        import ray

        if ray.get(self.switchboard.retire.remote(lane.name)):
            lane.state = "ending"
            self._in_thread(self._end, lane)

    def _end(self, lane: HeldLane) -> None:
        """Send its workers home first, so that Ray Train gives back what they hold."""
        import ray

        lane.handle.close.remote()
        deadline = time.monotonic() + SHARED_END_SECONDS
        while time.monotonic() < deadline and not ask(lane.handle.ended.remote(), gone=True):
            time.sleep(0.1)
        ray.get(self.switchboard.remove.remote(lane.name))
        self._drop(lane)

    # Health ----------------------------------------------------------------------------------------------------------

    def watch(self, machines: set[str]) -> None:
        """Replace lanes that ended or hang; take the trials of those that lost a machine.

        Args:
            machines: Ids of those that are alive.
        """
        up = [lane for name in self._plans for lane in self.lanes(name, "up")]
        pulses = [(lane, lane.handle.pulse.remote()) for lane in up]
        for lane, reference in pulses:
            pulse = ask(reference, gone=None)
            if pulse is None or pulse.error:
                self._lose(lane, "its actor has died" if pulse is None else pulse.error)
            elif pulse.silence > lane.plan.hung_seconds:
                self._lose(lane, f"no sign of life for {lane.plan.hung_seconds:.0f} s (resources.hung_seconds)")
            elif lane.cut_off(pulse.nodes - machines, LOST_SECONDS):
                self._wait_for_workers(lane)

    def _lose(self, lane: HeldLane, reason: str) -> None:
        import ray

        _log.warning("%s is lost (%s); starting another", lane.name, reason)
        ray.get(self.switchboard.remove.remote(lane.name, reason))
        self._drop(lane)
        self._bring_up(lane.plan)

    def _wait_for_workers(self, lane: HeldLane) -> None:
        """Its trial goes elsewhere, and the lane comes back when Ray finds room for its workers."""
        import ray

        _log.warning("%s has lost a machine; its trial goes on elsewhere", lane.name)
        ray.get(self.switchboard.remove.remote(lane.name))
        lane.state, lane.since = "coming", time.monotonic()
        ray.get(lane.handle.withdraw.remote())
        self._in_thread(self._await, lane)

    def pause(self) -> None:
        """Tell every job under way to write a checkpoint and return; new ones find no lane."""
        self.switchboard.close.remote()
        for lane in [lane for name in self._plans for lane in self.lanes(name, "up", "leaving")]:
            number = ask(lane.handle.current.remote(), gone=None)
            if number is not None:
                lane.handle.halt.remote(number, _PAUSE)

    def close(self, *, shared: bool) -> None:
        """Send the workers home, end lanes and switchboard; `shared` where Ray does not end after that."""
        import ray

        self._closing = True
        with self._lock:
            lanes = list(self._held.values())
        for lane in lanes:
            lane.handle.close.remote()
        deadline = time.monotonic() + (SHARED_END_SECONDS if shared else END_SECONDS)
        while time.monotonic() < deadline and not all(ask(lane.handle.ended.remote(), gone=True) for lane in lanes):
            time.sleep(0.1)
        for lane in lanes:
            self._drop(lane)
        self.hosts.end()
        ray.kill(self.switchboard)
        for thread in self._threads:  # each sees its lane gone; none may ask Ray for anything after it was left
            thread.join(END_SECONDS)

    # -----------------------------------------------------------------------------------------------------------------

    def _bring_up(self, plan: LanePlan) -> None:
        name, self._made = f"{plan.name}-{self._made}", self._made + 1
        # A name of its own in Ray Train's books: under one that is known it would resume that run's state.
        lane = HeldLane(name, plan, self._maker.make(f"{name}-{uuid.uuid4().hex[:8]}", plan))
        with self._lock:
            self._held[name] = lane
        self._in_thread(self._start, lane)

    def _start(self, lane: HeldLane) -> None:
        import ray

        ray.get(lane.handle.start.remote(lane.handle))
        self._await(lane)

    def _await(self, lane: HeldLane) -> None:
        """Until all its workers are there; that takes as long as the cluster has no room for them."""
        import ray

        while not ray.get(lane.handle.ready.remote(2.0)):
            error = ray.get(lane.handle.pulse.remote()).error
            if error:
                raise ClusterError(f"{lane.name} did not come up: {error}")
            if lane.state != "coming":
                return
        with self._lock:
            if lane.state == "coming":
                lane.state = "up"
                ray.get(self.switchboard.add.remote(lane.name, lane.handle, lane.plan.name))

    def _drop(self, lane: HeldLane) -> None:
        with self._lock:
            self._held.pop(lane.name, None)
        self._maker.end(lane.handle)

    def _in_thread(self, work: Callable[[HeldLane], None], lane: HeldLane) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=self._guarded, args=(work, lane), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[[HeldLane], None], lane: HeldLane) -> None:
        # The thread has no caller: what goes wrong is handed to whoever waits for trials.
        try:
            work(lane)
        except Exception as error:
            if self._closing:
                return
            if lane.state == "coming":
                self._failed(lane, error)
            else:
                _log.warning("%s: %s", lane.name, error)

    def _failed(self, lane: HeldLane, error: Exception) -> None:
        """A sweep goes on with the lanes that it has; without any it ends."""
        self._drop(lane)
        if self.lanes(lane.plan.name, "coming", "up"):
            _log.warning("%s; going on without it", error)
            self._not_before[lane.plan.name] = time.monotonic() + RETRY_SECONDS
        else:
            self._on_failure(error)
