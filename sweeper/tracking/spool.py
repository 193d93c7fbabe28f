"""Events that could not be written, one JSON object a line, kept for later."""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from sweeper.tracking.events import Event


class Spool:
    """A file of events in the order they happened; it exists only while there are some."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Keep one event."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as out:
            out.write(event.model_dump_json(exclude_defaults=True) + "\n")

    def read(self) -> tuple[list[Event], int]:
        """The events, and how many lines could not be read (a process may have died in the middle of one)."""
        if not self.path.exists():
            return [], 0
        events, unreadable = [], 0
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                events.append(Event.model_validate_json(line))
            except ValidationError:
                unreadable += 1
        return events, unreadable

    def replace(self, events: Sequence[Event]) -> None:
        """Keep exactly these."""
        if not events:
            self.path.unlink(missing_ok=True)
            return
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        temporary.write_text("".join(e.model_dump_json(exclude_defaults=True) + "\n" for e in events), encoding="utf-8")
        temporary.replace(self.path)
