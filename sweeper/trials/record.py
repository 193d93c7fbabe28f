"""A trial as the driver knows it."""

from dataclasses import dataclass, field
from typing import Literal

from trainers.messages import Finished, Measurement
from trainers.spec import TrialSpec

State = Literal["running", "completed", "pruned", "failed", "paused"]


@dataclass
class TrialRecord:
    """What was asked (`spec`) and what came back."""

    spec: TrialSpec
    state: State = "running"
    reason: str = ""
    """Why it failed, was pruned or paused."""
    reproduce: str = ""
    """The command that runs it alone, where it failed."""
    measurements: list[Measurement] = field(default_factory=list)
    """By rising tokens, one a value of tokens."""
    finished: Finished | None = None
    started_at: float = 0.0
    """Unix time."""
    ended_at: float = 0.0
    attempts: int = 0
    node: str = ""
    """Address of the machine whose worker spoke for it, the latest."""
    labels: dict[str, str] = field(default_factory=dict)
    """Why the trial is there, for tables and tags: e.g. {"purpose": "compare"}."""

    @property
    def id(self) -> str:
        """The identity of the spec."""
        return self.spec.id

    @property
    def is_final(self) -> bool:
        """Whether running it again would change nothing: it has its result, or would fail the same way."""
        failed_for_good = self.state == "failed" and self.reason.startswith("diverged")
        return failed_for_good or self.state in ("completed", "pruned")

    @property
    def short_reason(self) -> str:
        """The line of the reason that says what happened: the last of a traceback."""
        return self.reason.strip().splitlines()[-1] if self.reason.strip() else ""

    @property
    def last(self) -> Measurement | None:
        """The latest measurement."""
        return self.measurements[-1] if self.measurements else None
