"""The root error of the laws; the room stands alone, so it has its own."""


class LawError(ValueError):
    """A table, a question or a fit that cannot be answered; the message names the field, the value and what to do."""
