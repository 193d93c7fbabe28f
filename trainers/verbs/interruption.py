"""Ctrl-C, and the SIGTERM of a scheduler: the trial pauses, so that the same command goes on from there."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """The first signal, noted for the trial to obey when it next reports; a second acts as it would have before."""

    def __init__(self, hint: str) -> None:
        self._hint, self.number = hint, 0
        """Of the signal; 0 where there was none."""
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}

    def heed(self) -> None:
        """Begin to note signals, but those that whoever started this process has it ignore."""
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._note)

    def let_go(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def status(self) -> int:
        """The exit status that shells expect."""
        return 128 + self.number

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self.let_go()
        if self._hint:
            print(self._hint, file=sys.stderr, flush=True)


@contextmanager
def interruption(hint: str) -> Iterator[Interruption]:
    """Signals in this block are noted.

    Args:
        hint: what to tell the user then; may be empty.
    """
    noted = Interruption(hint)
    noted.heed()
    try:
        yield noted
    finally:
        noted.let_go()
