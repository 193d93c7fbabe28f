"""Lanes by demand: how many of each class there are, and how many trials may be out."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from sweeper.lanes import cluster
from sweeper.lanes.desk import Desk
from sweeper.lanes.plan import ClusterError, LanePlan, Resources, in_words, larger
from sweeper.lanes.pool import LanePool
from sweeper.lanes.shares import shares

TURN_SECONDS = 600.0
"""For which a class with work may be without a lane before one of another class is taken from it."""
NOTE_SECONDS = 60.0
"""For which lanes may be missing before the user hears of it."""
NOTE_AGAIN_SECONDS = 600.0
NO_LANE_SECONDS = 900.0
"""For which a sweep waits without any lane, on a cluster that does not grow by itself."""
LANES_AHEAD = 16
"""One trial in advance for so many lanes: it waits at the switchboard, and starts the moment that a lane falls idle."""


class Supply:
    """Looks at demand and cluster now and then, and tells pool and desk.

    Args:
        plans: The classes, shaped.
        pool: The lanes.
        desk: The trials.
        promised: What an autoscaler may bring the cluster to; None without one.
        idle_seconds: For how long a lane that need not be kept may be idle.
        say: One line for the user.
    """

    def __init__(
        self,
        plans: Sequence[LanePlan],
        pool: LanePool,
        desk: Desk,
        *,
        promised: Resources | None,
        idle_seconds: float,
        say: Callable[[str], None],
    ) -> None:
        self._plans, self._pool, self._desk = plans, pool, desk
        self._promised, self._idle_seconds, self._say = promised, idle_seconds, say
        self._without: dict[str, float] = {}
        """Since when classes with work have had no lane."""
        self._short_since: float | None = None
        self._noted: float | None = None

    def tick(self) -> None:
        """Look once."""
        have = cluster.resources()
        self._pool.watch(cluster.alive_nodes())
        wanted, up = self._desk.wanted(), self._pool.count("up")
        waiting = {name: seconds for name, seconds in self._waiting(wanted, up).items() if seconds > TURN_SECONDS}
        targets = shares(self._plans, wanted, larger(have, self._promised or {}), waiting)
        self._pool.adjust(targets, self._idle_seconds)
        self._desk.make_room(room(up, self._pool.count("coming"), shares(self._plans, wanted, have, waiting)))
        self._report(targets, up, have)
        self._give_up(wanted, up, have)

    def _waiting(self, wanted: Mapping[str, int], up: Counter[str]) -> dict[str, float]:
        now = time.monotonic()
        lacking = {name for name, count in wanted.items() if count and not up[name]}
        self._without = {name: self._without.get(name, now) for name in lacking}
        return {name: now - since for name, since in self._without.items()}

    def _report(self, targets: Mapping[str, int], up: Counter[str], have: Resources) -> None:
        """Say when lanes are missing for long, and when they are there again."""
        now = time.monotonic()
        missing = [plan for plan in self._plans if up[plan.name] < targets[plan.name]]
        if not missing:
            if self._noted is not None:
                self._say("all lanes are up")
            self._short_since = self._noted = None
            return
        self._short_since = self._short_since or now
        if now - self._short_since > NOTE_SECONDS and now - (self._noted or -NOTE_AGAIN_SECONDS) > NOTE_AGAIN_SECONDS:
            self._noted = now
            lacking = ", ".join(
                f"{up[plan.name]} of {targets[plan.name]} of {plan.name} ({in_words(plan.needs)} each)"
                for plan in missing
            )
            self._say(f"lanes are missing: {lacking} are up, on a cluster of {in_words(have)}; trials go on with these")

    def _give_up(self, wanted: Mapping[str, int], up: Counter[str], have: Resources) -> None:
        long = [name for name, seconds in self._waiting(wanted, up).items() if seconds > NO_LANE_SECONDS]
        if long and not up.total() and self._promised is None:
            self._desk.broke(
                ClusterError(
                    f"resources: no lane for {NO_LANE_SECONDS / 60:.0f} minutes on a cluster of {in_words(have)}; "
                    "add machines and run the same command again: it goes on where it stopped"
                )
            )


def room(up: Counter[str], coming: Counter[str], fitting_now: Mapping[str, int]) -> dict[str, int]:
    """How many trials of each class may be out: one a lane that is up or only has to start, and a few in advance.

    A lane that waits for a machine gets none yet: it would be chosen long before it runs, knowing less.
    """
    soon = {name: up[name] + min(coming[name], max(0, count - up[name])) for name, count in fitting_now.items()}
    return {name: lanes + lanes // LANES_AHEAD for name, lanes in soon.items()}
