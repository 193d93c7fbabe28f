"""A trial between its being handed out and its end: what its messages do to its record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweeper.lanes.source import TrialObserver
from sweeper.trials.record import TrialRecord
from trainers.messages import Failure, Finished, Measurement, Message, Progress, Resumed, Trouble, Verdict

Judge = Callable[[TrialRecord, Measurement], Verdict]


@dataclass
class Flight:
    """A trial that is out, and who hears of it."""

    record: TrialRecord
    observers: Sequence[TrialObserver]
    judge: Judge
    """Gives the verdict at a rung."""
    read: int = 0
    """Messages taken in, so that none counts twice."""
    pruned: str = ""
    """Why it was told to return."""
    left: bool = False
    """It was left before, so that it goes on where it stood is nothing to speak of."""
    gets_on: bool = False
    """It has had a new measurement."""

    def take(self, message: Message) -> None:
        """Take a message in."""
        record = self.record
        if isinstance(message, Measurement):
            self._measured(message)
            if message.tokens in record.spec.rungs:
                verdict = self.judge(record, message)
                self.pruned = "" if verdict.action == "continue" else verdict.reason
        elif isinstance(message, Progress):
            for observer in self.observers:
                observer.progress(record, message)
        elif isinstance(message, Resumed):
            self._resumed(message)
        elif isinstance(message, Trouble):
            self.notice(message.reason)
        elif isinstance(message, Finished):
            record.finished = message
            record.state = {"completed": "completed", "stopped": "pruned", "paused": "paused"}[message.state]  # type: ignore[assignment]
        elif isinstance(message, Failure):
            record.state, record.reason = "failed", f"{message.cause}: {message.reason}"

    def notice(self, text: str) -> None:
        """Tell everyone what a person should know of."""
        for observer in self.observers:
            observer.noticed(self.record, text)

    def _measured(self, message: Measurement) -> None:
        record = self.record
        known = [m for m in record.measurements if m.tokens != message.tokens]
        self.gets_on |= len(known) == len(record.measurements)
        record.measurements = sorted([*known, message], key=lambda m: m.tokens)
        for observer in self.observers:
            observer.measured(record, message)

    def _resumed(self, message: Resumed) -> None:
        """Take in what was measured before the checkpoint and never heard of, and say where the trial goes on."""
        known = {m.tokens for m in self.record.measurements}
        for measurement in message.measurements:
            if measurement.tokens not in known:
                self._measured(measurement)
        passed_over = "".join(f"checkpoint {name} is damaged and passed over; " for name in message.passed_over)
        where = f"goes on from {message.tokens:,} tokens" if message.tokens else "begins again"
        if passed_over or not message.tokens or not self.left:
            self.notice(f"{passed_over}{where}")
