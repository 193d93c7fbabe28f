"""Lanes whose workers sleep: real mailboxes with a coroutine as their only rank, all of them in one actor.

Sixty-four real worker groups would be some two hundred processes, most with torch in them. What is left out is what
happens inside a worker; every call between proxies, switchboard, pool and mailboxes is a real one, over Ray.
"""

import asyncio
import hashlib
import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import ray

from sweeper.lanes.mailbox import Job, Mailbox
from sweeper.lanes.plan import LanePlan
from trainers.messages import CorpusLoss, DocumentLoss, Finished, Measurement, Message, Progress, Verdict
from trainers.spec import TrialSpec

POLL_SECONDS = 20.0
SIGN_SECONDS = 1.5
"""Between two signs of life, as of real trials."""


@dataclass(frozen=True)
class Work:
    """How long trials sleep and how much they measure."""

    seconds: float
    """A trial that is not pruned, on average; single ones take half to one and a half times that."""
    documents: int = 40
    """Held-out documents a corpus: each has its own loss in every measurement."""


@dataclass
class Turn:
    """One trial on one lane; Unix time."""

    lane: str
    trial: str
    began: float
    ended: float = 0.0
    """The rank was free again."""


class SleepingLane(Mailbox):
    """A mailbox whose one rank sleeps in place of training."""

    def __init__(self, name: str, work: Work, turns: list[Turn]) -> None:
        super().__init__(1)
        self._name, self._work, self._turns = name, work, turns
        self._machine = ray.get_runtime_context().get_node_id()
        self._rank: asyncio.Task[None] | None = None

    async def start(self, _: Any) -> None:
        """Let the rank begin to ask for work."""
        self._rank = asyncio.create_task(self._serve())

    async def ended(self) -> bool:
        """True once the rank has gone home."""
        return self._rank is None or self._rank.done()

    async def _serve(self) -> None:
        seen = 0
        await self.arrive(0, self._machine, "simulated")
        while (job := await self.take(0, seen, POLL_SECONDS)) != "close":
            if not isinstance(job, Job):
                continue
            seen = job.number
            spec = TrialSpec.model_validate_json(job.spec)
            turn = Turn(self._name, spec.id, time.time())
            self._turns.append(turn)
            await self._run(spec, seen)
            turn.ended = time.time()
            await self.returned(seen, 0)

    async def _run(self, spec: TrialSpec, number: int) -> None:
        began, done = time.time(), 0
        pace = self._work.seconds * (0.5 + _chance(spec.id)) / spec.max_tokens
        for tokens in spec.evaluate_at:
            await self._sleep(spec, number, done, tokens, pace)
            done = tokens
            verdict = await self._say(measured(spec, tokens, self._work.documents), number, tokens in spec.rungs)
            if verdict.action != "continue":
                break
        state = {"continue": "completed", "stop": "stopped", "pause": "paused"}[verdict.action]
        await self._say(finished(spec, state, done, time.time() - began), number, False)

    async def _sleep(self, spec: TrialSpec, number: int, done: int, until: int, pace: float) -> None:
        """To the next evaluation, with signs of life on the way."""
        left = (until - done) * pace
        while left > 0:
            await asyncio.sleep(min(left, SIGN_SECONDS))
            left -= SIGN_SECONDS
            if left > 0:
                await self._say(sign(spec, until - int(left / pace)), number, False)

    async def _say(self, message: Message, number: int, wait: bool) -> Verdict:
        return Verdict.model_validate_json(await self.report(number, message.model_dump_json(), wait))


class SimulatedWorkers:
    """The actor that holds every lane's mailbox and rank."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lanes: dict[str, SleepingLane] = {}
        self._turns: list[Turn] = []

    async def call(self, name: str, method: str, *arguments: Any) -> Any:
        """What the lane of that name answers; the first call makes it."""
        if name not in self._lanes:
            self._lanes[name] = SleepingLane(name, self._work, self._turns)
        return await getattr(self._lanes[name], method)(*arguments)

    async def turns(self) -> list[Turn]:
        """What ran where and when, in the order in which it began."""
        return self._turns


class LaneHandle:
    """Stands for the actor handle of one lane: `handle.method.remote(...)` calls that lane in the shared actor."""

    def __init__(self, workers: Any, name: str) -> None:
        self._workers, self._name = workers, name

    def __getattr__(self, method: str) -> "_Method":
        if method.startswith("_"):
            raise AttributeError(method)
        return _Method(self._workers, self._name, method)


class _Method:
    def __init__(self, workers: Any, name: str, method: str) -> None:
        self._workers, self._name, self._method = workers, name, method

    def remote(self, *arguments: Any) -> Any:
        """A reference to the answer."""
        return self._workers.call.remote(self._name, self._method, *arguments)


class SimulatedLanes:
    """Makes lanes for a pool (`sweeper.lanes.lane_actors.LaneMaker`); the actor behind them starts with the first."""

    def __init__(self, work: Work, lanes: int) -> None:
        self._work, self._lanes = work, lanes
        self._lock = threading.Lock()
        self.workers: Any = None

    def make(self, name: str, plan: LanePlan) -> LaneHandle:
        """A lane of that name, whatever the plan."""
        with self._lock:  # the pool makes each lane in a thread of its own
            if self.workers is None:
                actor = ray.remote(SimulatedWorkers).options(num_cpus=0, max_concurrency=16 * self._lanes)
                self.workers = actor.remote(self._work)
        return LaneHandle(self.workers, name)

    def end(self, lane: object) -> None:
        """Nothing to end: `close` ends all."""

    def turns(self) -> list[Turn]:
        """What ran where and when."""
        turns: list[Turn] = ray.get(self.workers.turns.remote())
        return turns

    def close(self) -> None:
        """End the actor."""
        ray.kill(self.workers)


def measured(spec: TrialSpec, tokens: int, documents: int) -> Measurement:
    """Losses on a made-up surface: a valley in learning rate and rank, a power law in tokens, noise of a run."""
    share = spec.mixture.get("code", 0.0)
    rate = math.log10(spec.learning_rate / (3e-4 if spec.method == "full" else 3e-3))
    learnt = (tokens / 20_000) ** -0.3 + 0.2 * rate**2 + 0.01 * _chance(spec.id)
    losses = {"general": 3.0 + 0.2 * share + 0.1 * rate**2, "code": 2.0 + 0.5 * learnt * (1.2 - share)}
    return Measurement(
        tokens=tokens,
        step=tokens // 1024,
        lr_area=float(tokens),
        lr_fraction=1.0,
        losses=tuple(_corpus(name, loss, documents) for name, loss in losses.items()),
        unique_tokens={"general": tokens // 2, "code": tokens // 2},
        seconds=1.0,
    )


def _corpus(name: str, loss: float, documents: int) -> CorpusLoss:
    parts = tuple(DocumentLoss(document=i, nll=(loss + 0.01 * (i % 7 - 3)) * 200, tokens=200) for i in range(documents))
    nll, tokens = sum(part.nll for part in parts), sum(part.tokens for part in parts)
    return CorpusLoss(corpus=name, split="valid", nll=nll, tokens=tokens, bytes=4.0 * tokens, documents=parts)


def sign(spec: TrialSpec, tokens: int) -> Progress:
    """A sign of life."""
    return Progress(
        tokens=tokens, train_loss=2.5, learning_rate=spec.learning_rate, grad_norm=1.0, tokens_per_second=1e4
    )


def finished(spec: TrialSpec, state: str, tokens: int, seconds: float) -> Finished:
    """The end of a trial."""
    return Finished.model_validate(
        {
            "state": state, "tokens": tokens, "seconds": seconds, "train_seconds": seconds, "evaluation_seconds": 0.0,
            "tokens_per_second": 1e4, "peak_memory_bytes": 10**9, "params": 10**8, "params_non_embedding": 10**8,
            "trainable_params": 10**8, "workers": 1, "device": "none",
        }
    )  # fmt: skip


def _chance(text: str) -> float:
    """A number in [0, 1) that is always the same for a text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 16**8
