"""The errors of base models."""

from sweeper.errors import SweeperError


class BaseModelError(SweeperError):
    """A base model cannot be found or used; the message names it and the remedy."""
