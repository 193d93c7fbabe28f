"""The mailbox of a lane: its ranks take specs from it and put messages into it. No Ray here: it is tested alone."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from trainers.messages import CONTINUE, MESSAGE, Failure, Finished, Measurement, Message, Progress, Trouble, Verdict

MAX_ATTEMPTS = 3
"""How often in a row, without a new measurement, a spec may lose its workers before it counts as failed."""


class Job(NamedTuple):
    """A spec (JSON) under the number that all talk about it carries."""

    number: int
    spec: str


class Offer(NamedTuple):
    """What became of a spec that was offered."""

    number: int
    """Of its job; where the lane is busy, of the job under way."""
    node: str
    """Address of the machine that rank 0 is on."""
    busy: bool = False


class Pulse(NamedTuple):
    """How a lane is."""

    ready: bool
    """Every rank is there."""
    nodes: frozenset[str]
    """Ids of the machines that its ranks are on."""
    silence: float
    """Seconds since the ranks last gave a sign of life; 0 where they have nothing to do, or wait for a verdict."""
    error: str | None = None
    """Why its worker group cannot be started or has ended, if so."""


@dataclass
class _Current:
    job: Job
    attempts: int = 0
    furthest: int = -1
    """Tokens of the latest measurement."""
    heard: float = field(default_factory=time.monotonic)
    """When a rank last gave a sign of life."""
    waiting: int = 0
    """Ranks that wait for a verdict."""
    broke: str = ""
    """What a rank said when the group under it broke, the latest."""
    messages: list[str] = field(default_factory=list)
    urgent: int = -1
    """Index of the latest message that is more than a sign of life."""
    answers: dict[int, Verdict] = field(default_factory=dict)
    """Verdicts by tokens of the rung."""
    halted: Verdict | None = None
    ended: bool = False
    withdrawn: bool = False
    returned: set[int] = field(default_factory=set)
    """Ranks that are through with it."""


class Mailbox:
    """One job at a time. All calls come from one event loop, so no lock is needed.

    Ranks poll with `take` while they are idle: no collective is open then, so nothing can time out, and a group that
    Ray Train restarts takes the unfinished job again.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._current: _Current | None = None
        self._ranks: dict[int, str] = {}
        """The machine of each rank that is there."""
        self._closed = False
        self._number = 0
        self._node = ""
        self._changed = asyncio.Event()

    # The proxy's side ------------------------------------------------------------------------------------------------

    async def offer(self, spec: str) -> Offer:
        """Put a spec before the ranks, unless they are busy with another."""
        current = self._current
        if current is not None and not current.ended:
            return Offer(current.job.number, self._node, busy=True)
        self._number += 1
        self._current = _Current(Job(self._number, spec))
        self._wake()
        return Offer(self._number, self._node)

    async def messages(self, number: int, after: int, timeout: float, patience: float = 0.0) -> list[str] | None:
        """Messages of a job beyond the first `after`.

        Args:
            number: Of the job.
            after: How many are known.
            timeout: Seconds to wait for the first; then the list is empty.
            patience: Seconds that signs of life wait for company; all else comes at once.

        Returns:
            The messages; None where the job was withdrawn.
        """
        current = self._of(number)
        if await self._until(lambda: len(current.messages) > after or current.withdrawn, timeout) and patience:
            await self._until(lambda: current.withdrawn or current.urgent >= after, patience)
        return None if current.withdrawn else current.messages[after:]

    async def answer(self, number: int, tokens: int, verdict: str) -> None:
        """Give the verdict that a trial waits for at the rung of `tokens`."""
        self._of(number).answers[tokens] = Verdict.model_validate_json(verdict)
        self._wake()

    async def halt(self, number: int, verdict: str) -> None:
        """Have a job return at its next step, and release it where it waits at a rung."""
        current = self._of(number)
        current.halted = Verdict.model_validate_json(verdict)
        self._wake()

    async def settled(self, number: int, timeout: float) -> bool:
        """Wait until the job has ended and every rank is free again; False when `timeout` seconds passed."""
        current = self._of(number)
        return await self._until(
            lambda: current.withdrawn or (current.ended and len(current.returned) >= self._workers), timeout
        )

    async def ready(self, timeout: float) -> bool:
        """Wait until every rank is there."""
        return await self._until(lambda: self._complete(), timeout)

    async def pulse(self) -> Pulse:
        """How the lane is."""
        current = self._current
        quiet = current is None or current.ended or current.waiting
        silence = 0.0 if quiet or current is None else time.monotonic() - current.heard
        return Pulse(self._complete(), frozenset(self._ranks.values()), silence)

    async def withdraw(self) -> None:
        """The workers are lost and may not come back soon: take the job away from them, for another lane.

        The lane is ready again when each of its ranks has arrived anew.
        """
        if self._current is not None and not self._current.ended:
            self._current.ended = self._current.withdrawn = True
        self._ranks.clear()
        self._wake()

    async def current(self) -> int | None:
        """The number of the job under way."""
        return None if self._current is None or self._current.ended else self._current.job.number

    async def close(self) -> None:
        """Send the ranks home."""
        self._closed = True
        self._wake()

    # The ranks' side -------------------------------------------------------------------------------------------------

    async def arrive(self, rank: int, node: str, address: str) -> None:
        """A rank's process has started, on the machine with this id and address."""
        self._ranks[rank] = node
        if rank == 0:
            self._node = address
        self._wake()

    async def take(self, rank: int, seen: int, timeout: float) -> Job | str | None:
        """The next job after number `seen`, "close", or None when `timeout` seconds passed.

        A rank that asks again for a job it had taken has lost its process in between: rank 0 counts the attempt.
        """
        if self._current is not None and self._current.ended:
            self._current.returned.add(rank)  # a group that was restarted after a failure says so by asking
            self._wake()
        await self._until(lambda: self._closed or self._offer(seen) is not None, timeout)
        if self._closed:
            return "close"
        current = self._offer(seen)
        if current is None:
            return None
        current.returned.discard(rank)
        if rank == 0:
            current.attempts += 1
            if current.attempts > MAX_ATTEMPTS:
                self._give_up(current)
                return None
            if current.attempts > 1:
                self._say(current, f"its workers died; attempt {current.attempts} of {MAX_ATTEMPTS} follows")
        current.heard = time.monotonic()
        return current.job

    async def report(self, number: int, message: str, wait: bool) -> str:
        """Store a message and answer it; with `wait`, only once the verdict on that rung is there."""
        current = self._of(number)
        parsed = MESSAGE.validate_json(message)
        if current.ended:
            return Verdict(action="stop", reason="the job has ended").model_dump_json()
        current.heard = time.monotonic()
        current.ended = isinstance(parsed, Finished | Failure)
        self._store(current, message, urgent=not isinstance(parsed, Progress))
        if isinstance(parsed, Measurement) and parsed.tokens > current.furthest:
            current.furthest, current.attempts = parsed.tokens, 1  # it gets on, whatever happened to it before
        if wait and isinstance(parsed, Measurement):
            current.waiting += 1
            await self._until(lambda: parsed.tokens in current.answers or current.halted is not None, None)
            current.waiting, current.heard = current.waiting - 1, time.monotonic()
            if current.halted is None:
                return current.answers[parsed.tokens].model_dump_json()
        return (current.halted or CONTINUE).model_dump_json()

    async def broke(self, number: int, reason: str) -> None:
        """A rank lost its peers; the job is offered again to the group that is started in place of this one."""
        self._of(number).broke = reason

    async def returned(self, number: int, rank: int) -> None:
        """A rank is through with a job."""
        current = self._current
        if current is not None and current.job.number == number:
            current.returned.add(rank)
            self._wake()

    # -----------------------------------------------------------------------------------------------------------------

    def _complete(self) -> bool:
        return len(self._ranks) >= self._workers

    def _offer(self, seen: int) -> _Current | None:
        current = self._current
        return current if current is not None and current.job.number > seen and not current.ended else None

    def _of(self, number: int) -> _Current:
        if self._current is None or self._current.job.number != number:
            raise RuntimeError(f"job {number} is not this lane's")
        return self._current

    def _store(self, current: _Current, message: str, *, urgent: bool = True) -> None:
        current.messages.append(message)
        if urgent:
            current.urgent = len(current.messages) - 1
        self._wake()

    def _say(self, current: _Current, reason: str) -> None:
        self._store(current, Trouble(reason=reason).model_dump_json())

    def _give_up(self, current: _Current) -> None:
        failure: Message = Failure(
            cause="error",
            reason=f"its workers died {MAX_ATTEMPTS} times in a row; {current.broke or 'see their logs'}",
            tokens=0,
            repeatable=False,
        )
        current.ended = True
        current.returned = set(range(self._workers))
        self._store(current, failure.model_dump_json())

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while not condition():
            left = None if deadline is None else deadline - loop.time()
            if left is not None and left <= 0:
                return False
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return condition()
        return True
