"""The errors of a trial."""

from typing import Literal

Cause = Literal["diverged", "out_of_memory", "bad_spec", "error"]


class TrainerError(Exception):
    """A trial cannot be run as its spec says; the message names the field, the value and the remedy."""


class TrialFailed(Exception):
    """Every rank has agreed that the trial cannot go on; becomes the `Failure` that `run_trial` returns."""

    def __init__(self, cause: Cause, reason: str, repeatable: bool) -> None:
        super().__init__(reason)
        self.cause: Cause = cause
        self.reason = reason
        self.repeatable = repeatable
