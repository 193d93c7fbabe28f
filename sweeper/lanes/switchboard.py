"""Who has which lane. One small actor that the Tune proxies ask; lanes themselves belong to the driver."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

LANE = "lane"
"""The class of lanes where there is only one."""


@dataclass(eq=False)
class _Request:
    trial: str
    lane_class: str
    answered: asyncio.Future[None]


class Switchboard:
    """Free lanes, leases, and the wake-up call for proxies that stand by while there is nothing to run.

    Trials that wait for a lane are served in the order in which they came, each from the lanes of its class. The lane
    that fell idle last is leased first: its caches are warm, and lanes that nobody needs stay idle long enough to be
    given back.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, tuple[str, Any]] = {}
        """Class and handle by name."""
        self._free: dict[str, float] = {}
        """Names of free lanes and since when (monotonic seconds), the latest to fall idle last."""
        self._leases: dict[str, str] = {}
        """Lane by trial."""
        self._waiting: deque[_Request] = deque()
        self._whys: dict[str, str] = {}
        """Why its lane was removed, by trial."""
        self._leaving: set[str] = set()
        self._generation = 0
        self._closed = False
        self._called = asyncio.Event()

    async def add(self, name: str, lane: Any, lane_class: str = LANE) -> None:
        """A lane is up and free."""
        self._lanes[name] = lane_class, lane
        self._leaving.discard(name)
        self._put_back(name)

    async def remove(self, name: str, why: str = "") -> None:
        """A lane is gone; `why` is for the trial that is on it."""
        self._whys |= {trial: why for trial, lane in self._leases.items() if lane == name}
        self._lanes.pop(name, None)
        self._free.pop(name, None)
        self._leaving.discard(name)
        self._leases = {trial: lane for trial, lane in self._leases.items() if lane != name}

    async def retire(self, name: str) -> bool:
        """Lease a lane to nobody any more; True once it is free, and so may be ended."""
        self._leaving.add(name)
        return self._free.pop(name, None) is not None or name not in self._leases.values()

    async def idle(self) -> dict[str, float]:
        """Seconds for which each free lane has been free."""
        now = time.monotonic()
        return {name: now - since for name, since in self._free.items()}

    async def lease(self, trial: str, timeout: float, lane_class: str = LANE) -> tuple[str, Any] | None:
        """A free lane for a trial, the latest to fall idle first; the same one again where the trial has one already.

        None when none came free in `timeout` seconds, or will: see `closed`.
        """
        if trial not in self._leases and not self._closed:
            await self._granted(trial, timeout, lane_class)
        if trial not in self._leases or self._closed:
            return None
        name = self._leases[trial]
        return name, self._lanes[name][1]

    async def release(self, trial: str) -> None:
        """The trial's lane is free again."""
        name = self._leases.pop(trial, None)
        if name is not None and name in self._lanes:
            self._put_back(name)

    async def forget(self, trial: str) -> str:
        """The trial's lane does not answer: the lease ends, but nobody else is given that lane.

        Returns:
            Why it was removed; empty where that is not known.
        """
        self._leases.pop(trial, None)
        return self._whys.pop(trial, "")

    async def close(self) -> None:
        """Lease nothing more."""
        self._closed = True
        while self._waiting:
            self._answer(self._waiting[0])

    async def closed(self) -> bool:
        """Whether no lane will be leased any more."""
        return self._closed

    async def call(self, generation: int) -> None:
        """There is something to run: every proxy that stands by since an earlier generation returns."""
        self._generation = generation
        self._called.set()
        self._called = asyncio.Event()

    async def stand_by(self, generation: int, timeout: float) -> None:
        """Return as soon as the generation is beyond `generation`, or after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while self._generation <= generation and loop.time() < deadline:
            try:
                await asyncio.wait_for(self._called.wait(), deadline - loop.time())
            except TimeoutError:
                return

    # -----------------------------------------------------------------------------------------------------------------

    def _put_back(self, name: str) -> None:
        if name not in self._leaving:
            self._free[name] = time.monotonic()
            self._serve()

    async def _granted(self, trial: str, timeout: float, lane_class: str) -> None:
        """Wait for a lease, at most `timeout` seconds."""
        request = _Request(trial, lane_class, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._serve()
        try:
            await asyncio.wait_for(request.answered, timeout)
        except TimeoutError:
            if request in self._waiting:
                self._waiting.remove(request)

    def _serve(self) -> None:
        """Give free lanes to those who wait for one of their class."""
        for request in list(self._waiting):
            name = next((name for name in reversed(self._free) if self._lanes[name][0] == request.lane_class), None)
            if name is not None:
                del self._free[name]
                self._leases[request.trial] = name
                self._answer(request)

    def _answer(self, request: _Request) -> None:
        self._waiting.remove(request)
        if not request.answered.done():  # it may have run out of time at this moment; it sees its lease all the same
            request.answered.set_result(None)
