"""Progress for a person: one live line on a terminal, plain lines now and then where output is piped."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sweeper.pipeline.plan import Plan, format_seconds
from sweeper.spending.pace import EVALUATION_COST
from sweeper.trials.record import State, TrialRecord
from trainers.messages import Measurement, Progress

PLAIN_SECONDS = 15.0
"""Between two progress lines where output is not a terminal."""


class Display:
    """Watches a run (`sweeper.pipeline.run.Watcher`) and writes to standard error, so that --json stays clean."""

    def __init__(self, target: str, *, quiet: bool = False) -> None:
        from rich.console import Console

        self._console: Console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._quiet = quiet
        self._live: Any = None
        self._target = target
        self._plan: Plan | None = None
        self._spent: Callable[[], str] | None = None
        self._began = time.monotonic()
        self._first_trial: float | None = None
        self._said = 0.0
        self._phase, self._of = "", 0
        self._ended: dict[str, State] = {}
        """How each trial of the phase last ended; a paused one may go on."""
        self._speeds: dict[str, float] = {}
        self._work_done: dict[str, float] = {}
        """By trial."""
        self._work_running: dict[str, float] = {}
        self._best: float | None = None
        self._noticed: dict[str, str] = {}
        """The latest notice of each trial: a disk that is full says so at every checkpoint."""

    def __enter__(self) -> "Display":
        if self._console.is_terminal and not self._quiet:
            from rich.live import Live
            from rich.text import Text

            self._live = Live(console=self._console, get_renderable=lambda: Text(self.status()), refresh_per_second=2)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def planned(self, plan: Plan) -> None:
        """What there is to do, for the time to go."""
        self._plan = plan

    def bounded(self, spent: Callable[[], str]) -> None:
        """How to ask what of the budget is spent."""
        self._spent = spent

    # What the pipeline says ------------------------------------------------------------------------------------------

    def say(self, line: str) -> None:
        """One line that stays."""
        if not self._quiet:
            self._console.print(f"[{self._clock()}] {line}", markup=False)

    def phase(self, name: str, trials: int | None = None) -> None:
        """A phase begins."""
        self._phase, self._of, self._ended, self._best = name, trials or 0, {}, None
        if self._live is None:
            self.say(f"{name}{f': {trials} trials' if trials else ''}")

    def tokenised(self, done: int, total: int | None, label: str) -> None:
        """Text packed so far."""
        share = f" {done / total:.0%}" if total else ""
        self._phase = f"prepare {label}{share}"
        self._tick()

    # What the lanes say ----------------------------------------------------------------------------------------------

    def trial_started(self, record: TrialRecord) -> None:
        """One more runs."""
        self._first_trial = self._first_trial or time.monotonic()
        self._work_running[record.id] = 0.0

    def measured(self, record: TrialRecord, measurement: Measurement) -> None:
        """The best so far, of trials that adapt."""
        if record.spec.role in ("search", "law", "confirm"):
            loss = measurement.loss(self._target)
            self._best = loss if self._best is None else min(self._best, loss)
        self._tick()

    def progress(self, record: TrialRecord, progress: Progress) -> None:
        """Speed and work done."""
        self._speeds[record.id] = progress.tokens_per_second
        self._work_running[record.id] = progress.tokens / max(1, record.spec.max_tokens) * self._work(record)
        self._tick()

    def noticed(self, record: TrialRecord, text: str) -> None:
        """Said, once each time it happens."""
        if self._noticed.get(record.id) != text:
            self._noticed[record.id] = text
            self.say(f"trial {record.id}: {text}")

    def trial_ended(self, record: TrialRecord) -> None:
        """One less runs."""
        self._ended[record.id] = record.state
        self._speeds.pop(record.id, None)
        done = self._work_running.pop(record.id, 0.0)
        self._work_done[record.id] = done if record.state == "paused" else self._work(record)
        if record.state == "failed":
            self.say(f"trial {record.id} failed: {record.short_reason}")
            self.say(f"  alone: {record.reproduce}")
        self._tick()

    # -----------------------------------------------------------------------------------------------------------------

    def status(self) -> str:
        """Phase, trials, speed, time to go, best."""
        states = Counter(state for trial, state in self._ended.items() if trial not in self._work_running)
        done = sum(states.values()) - states["paused"]
        parts = [f"[{self._clock()}] {self._phase}"]
        if self._work_running or states:
            parts.append(f"{done}{f'/{self._of}' if self._of else ''} trials done, {len(self._work_running)} running")
        parts += [f"{states[state]} {state}" for state in ("pruned", "failed", "paused") if states[state]]
        if self._speeds:
            parts.append(f"{sum(self._speeds.values()):,.0f} tokens/s")
        if (left := self.seconds_left()) is not None:
            parts.append(f"about {format_seconds(left)} to go")
        if self._spent is not None:
            parts.append(self._spent())
        if self._best is not None:
            parts.append(f"best {self._target} loss {self._best:.3f}")
        return ", ".join(parts)

    def seconds_left(self) -> float | None:
        """By the plan's work and the pace so far; None before there is a pace."""
        done = sum(work for trial, work in self._work_done.items() if trial not in self._work_running)
        work = done + sum(self._work_running.values())
        if self._plan is None or self._first_trial is None:
            return None
        ahead = sum(phase.left for phase in self._plan.phases)
        pace = work / max(1e-9, time.monotonic() - self._first_trial)
        return max(0.0, ahead - work) / pace if work > 0.02 * ahead else self._plan.seconds

    def _work(self, record: TrialRecord) -> float:
        """As the plan counts it; a pruned trial counts whole, since what it spares is no longer ahead."""
        spec = record.spec
        size = record.finished.params if record.finished else self._size(record)
        scored = (len(spec.evaluate_at) or 1) * len(spec.corpora) * spec.evaluation_tokens
        return size * (spec.max_tokens + EVALUATION_COST * scored)

    def _size(self, record: TrialRecord) -> float:
        return self._plan.sizes.get(record.spec.model.name, 0.0) if self._plan else 0.0

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"{seconds // 60}:{seconds % 60:02d}"

    def _tick(self) -> None:
        if self._live is not None or self._quiet:
            return
        now = time.monotonic()
        if now - self._said >= PLAIN_SECONDS:
            self._said = now
            print(self.status(), file=sys.stderr, flush=True)
