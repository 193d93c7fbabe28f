"""Who has which lane. One small actor that the Tune proxies ask; lanes themselves belong to the driver."""

import asyncio
from typing import Any


class Switchboard:
    """Free lanes, leases, and the wake-up call for proxies that stand by while there is nothing to run."""

    def __init__(self) -> None:
        self._free: list[str] = []
        self._lanes: dict[str, Any] = {}
        self._leases: dict[str, str] = {}
        """Lane by trial."""
        self._generation = 0
        self._closed = False
        self._changed = asyncio.Event()

    async def add(self, name: str, lane: Any) -> None:
        """A lane is up and free."""
        self._lanes[name] = lane
        self._free.append(name)
        self._wake()

    async def remove(self, name: str) -> None:
        """A lane is gone."""
        self._lanes.pop(name, None)
        self._free = [free for free in self._free if free != name]
        self._leases = {trial: lane for trial, lane in self._leases.items() if lane != name}

    async def lease(self, trial: str, timeout: float) -> tuple[str, Any] | None:
        """A free lane for a trial, the longest idle first; the same one again where the trial has one already.

        None when none came free in `timeout` seconds, or will: see `closed`.
        """
        if trial in self._leases:
            name = self._leases[trial]
            return name, self._lanes[name]
        if not self._free and not self._closed:
            await self._wait(timeout)
        if not self._free or self._closed:
            return None
        name = self._free.pop(0)
        self._leases[trial] = name
        return name, self._lanes[name]

    async def release(self, trial: str) -> None:
        """The trial's lane is free again."""
        name = self._leases.pop(trial, None)
        if name is not None and name in self._lanes:
            self._free.append(name)
            self._wake()

    async def forget(self, trial: str) -> None:
        """The trial's lane does not answer: the lease ends, but nobody else is given that lane."""
        self._leases.pop(trial, None)

    async def close(self) -> None:
        """Lease nothing more."""
        self._closed = True
        self._wake()

    async def closed(self) -> bool:
        """Whether no lane will be leased any more."""
        return self._closed

    async def call(self, generation: int) -> None:
        """There is something to run: every proxy that stands by since an earlier generation returns."""
        self._generation = generation
        self._wake()

    async def stand_by(self, generation: int, timeout: float) -> None:
        """Return as soon as the generation is beyond `generation`, or after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while self._generation <= generation and loop.time() < deadline:
            await self._wait(deadline - loop.time())

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait(self, timeout: float) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), max(timeout, 0.0))
        except TimeoutError:
            return
