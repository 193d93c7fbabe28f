"""The errors of a trial."""


class TrainerError(Exception):
    """A trial cannot be run as its spec says; the message names the field, the value and the remedy."""
