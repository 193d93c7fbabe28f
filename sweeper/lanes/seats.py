"""Tune trials without a process each: seats in a few hosts.

Tune starts an actor a trial: about one CPU second and 110 MB, which for 64 lanes is a minute of two cores and 7 GB. A
`TrialProxy` only waits for messages, so that a host can hold many.

Tune's controller asks a `ResourceManager` what its actors are to run on, and starts them through what that hands out.
The one here hands out seats, which answer as actor handles do.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ray.air.execution.resources.request import AcquiredResources, ResourceRequest
from ray.air.execution.resources.resource_manager import ResourceManager
from ray.tune.execution.tune_controller import TuneController

from sweeper.lanes.proxy_host import Hosts


class Seat:
    """Stands for the actor handle of one trial: `seat.train.remote()` calls its proxy in the host."""

    def __init__(self, host: Any, number: int, config: dict[str, Any], storage: Any) -> None:
        self._host, self._number = host, number
        self._seated = host.sit.remote(number, config, storage)

    def __getattr__(self, method: str) -> "_Method":
        if method == "__ray_ready__":
            return _Method(lambda: self._seated)
        if method in ("stop", "__ray_terminate__"):
            return _Method(lambda: self._host.leave.remote(self._number))
        if method.startswith("_"):
            raise AttributeError(method)
        return _Method(
            lambda *arguments, **options: self._host.call.remote(self._number, method, *arguments, **options)
        )


class _Method:
    def __init__(self, remote: Any) -> None:
        self.remote = remote


@dataclass
class TakenSeat(AcquiredResources):  # type: ignore[misc]  # Ray has no types
    """A seat that a trial may sit down on."""

    host: Any
    number: int

    def annotate_remote_entities(self, entities: list[Any]) -> list[Any]:
        """What Tune starts in place of its actors."""
        return [self]

    def remote(self, config: dict[str, Any], storage: Any = None) -> Seat:
        """Start a trial, as `ActorClass.remote` would."""
        return Seat(self.host, self.number, config, storage)


class SeatManager(ResourceManager):  # type: ignore[misc]
    """Seats for as many trials as ask for one."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._asked: Counter[ResourceRequest] = Counter()
        self._numbers = itertools.count(1)

    def request_resources(self, resource_request: ResourceRequest) -> None:
        """Granted at once."""
        self._asked[resource_request] += 1

    def cancel_resource_request(self, resource_request: ResourceRequest) -> None:
        """Not needed any more."""
        self._asked[resource_request] -= 1

    def has_resources_ready(self, resource_request: ResourceRequest) -> bool:
        """Where it was asked for."""
        return self._asked[resource_request] > 0

    def acquire_resources(self, resource_request: ResourceRequest) -> TakenSeat | None:
        """A seat."""
        if not self.has_resources_ready(resource_request):
            return None
        self._asked[resource_request] -= 1
        return TakenSeat(resource_request, self._hosts.take(), next(self._numbers))

    def free_resources(self, acquired_resource: TakenSeat) -> None:
        """Nobody sits there any more."""
        self._hosts.give_back(acquired_resource.host)

    def clear(self) -> None:
        """Forget what was asked for."""
        self._asked.clear()


@contextmanager
def seated(hosts: Hosts) -> Iterator[None]:
    """Have Tune run its trials on seats.

    `TuneController` takes a `resource_manager_factory`, which `Tuner` has no argument for: the class is exchanged where
    `Tuner` finds it.
    """
    from ray.tune import tune as tune_module

    class SeatedController(TuneController):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options, resource_manager_factory=lambda: SeatManager(hosts))

    tune_module.TuneController = SeatedController
    try:
        yield
    finally:
        tune_module.TuneController = TuneController
