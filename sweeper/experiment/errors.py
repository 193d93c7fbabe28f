"""The errors of the experiment file."""

from sweeper.errors import SweeperError


class ExperimentError(SweeperError):
    """The experiment file cannot be used; one line a problem, each with its field, its value and what is allowed."""
