"""The errors of corpora."""

from sweeper.errors import SweeperError


class CorpusError(SweeperError):
    """A source cannot be read or packed as asked; the message names the source, the value and the remedy."""
