"""Getting events to a store that may fail: they are written in order, or wait in the spool in order."""

import time
from collections.abc import Callable, Mapping, Sequence

from sweeper.tracking.events import Event
from sweeper.tracking.spool import Spool
from sweeper.tracking.writer import RunWriter

RETRY_SECONDS = 30.0
"""How long a store that failed is left alone."""


class Delivery:
    """Owned by one thread, but for `abandon`."""

    def __init__(
        self,
        connect: Callable[[], RunWriter],
        spool: Spool,
        known: Mapping[str, tuple[str, Sequence[Event]]],
        warn: Callable[[str], None],
    ) -> None:
        """Prepare.

        Args:
            connect: Opens the store.
            spool: Where events wait; what an earlier process left there is written first.
            known: State and history by trial, written once where the store has the trial in no or another state.
            warn: Shows a sentence to the user.
        """
        self._connect, self._spool, self._known, self._warn = connect, spool, dict(known), warn
        self._writer: RunWriter | None = None
        self._quiet_until = 0.0
        self._warned: set[str] = set()
        self._in_hand: Event | None = None
        self._abandoned = False
        self.written = 0
        """Events that the store has taken."""

    def open(self) -> None:
        """Connect and write what is known and what waited."""
        try:
            self._connected()
        except Exception as error:
            self._failed(error)

    def deliver(self, event: Event) -> None:
        """Write an event now, or keep it for later."""
        self._in_hand = event
        try:
            if time.monotonic() < self._quiet_until and event.kind != "finish":
                self._keep_unless_abandoned(event)
            else:
                self._write(self._connected(), event)
        except Exception as error:
            self._failed(error)
            self._keep_unless_abandoned(event)
        self._in_hand = None

    def abandon(self) -> None:
        """Keep the event that is being written, for its writer may never return."""
        self._abandoned = True
        if self._in_hand is not None:
            self.keep(self._in_hand)

    def keep(self, event: Event) -> None:
        """Have an event wait in the spool; one of a trial that finds no room there comes from its record next time."""
        try:
            self._spool.append(event)
        except OSError as error:
            self._warn_once(f"tracking: {self._spool.path} cannot be written ({error}); trials' records have it all")

    def _keep_unless_abandoned(self, event: Event) -> None:
        if not self._abandoned:
            self.keep(event)

    def _connected(self) -> RunWriter:
        if self._writer is None:
            writer = self._connect()
            self._replay(writer)
            self._write_known(writer)
            self._writer = writer
        return self._writer

    def _replay(self, writer: RunWriter) -> None:
        events, unreadable = self._spool.read()
        if unreadable:
            self._warn(f"tracking: {unreadable} lines of {self._spool.path} cannot be read and are dropped")
        for i, event in enumerate(events):
            try:
                self._write(writer, event)
            except Exception:
                self._spool.replace(events[i:])
                raise
        self._spool.replace([])

    def _write_known(self, writer: RunWriter) -> None:
        for trial, (state, events) in self._known.items():
            if writer.state(trial) != state:
                for event in events:
                    self._write(writer, event)
        self._known.clear()

    def _write(self, writer: RunWriter, event: Event) -> None:
        """Write; an event that the store will never take is dropped, so that it does not hold up the rest."""
        try:
            writer.write(event)
            self.written += 1
        except Exception as error:
            if getattr(error, "error_code", "") != "INVALID_PARAMETER_VALUE":
                raise
            self._warn_once(f"tracking: the store refuses a {event.kind} event of {event.trial or 'the run'}: {error}")

    def _failed(self, error: Exception) -> None:
        self._writer = None
        self._quiet_until = time.monotonic() + RETRY_SECONDS
        reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
        self._warn_once(
            f"tracking: MLflow failed ({reason}); trials go on, and what it misses is kept in {self._spool.path} "
            "and written when it answers again"
        )

    def _warn_once(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            self._warn(sentence)
