"""A lane as the pool holds it."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeper.lanes.plan import LanePlan

ANSWER_SECONDS = 60.0
"""For an actor's answer to a question that it need not think about."""


@dataclass(eq=False)
class HeldLane:
    """A lane and how far it is."""

    name: str
    plan: LanePlan
    handle: Any
    state: Literal["coming", "up", "leaving", "ending"] = "coming"
    """`leaving`: it is leased to nobody any more; `ending`: its workers are on their way home."""
    since: float = field(default_factory=time.monotonic)
    """When it began to come."""
    cut_since: float | None = None

    def cut_off(self, lost: Collection[str], patience: float) -> bool:
        """Whether it has had workers on machines that are gone for longer than `patience` seconds."""
        if not lost:
            self.cut_since = None
            return False
        if self.cut_since is None:
            self.cut_since = time.monotonic()
        return time.monotonic() - self.cut_since > patience


def ask(reference: Any, gone: Any) -> Any:
    """What an actor answers, or `gone` where there is none any more, or none that answers."""
    import ray

    try:
        return ray.get(reference, timeout=ANSWER_SECONDS)
    except (ray.exceptions.RayActorError, ray.exceptions.GetTimeoutError):
        return gone
