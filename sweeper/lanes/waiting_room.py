"""Where trials wait for a lane of their class before they are handed out."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

from sweeper.lanes.source import TrialSource
from sweeper.trials.record import TrialRecord

MANY = 10**9


class WaitingRoom:
    """Trials that were taken from their source, or lost their lane, and may not be out yet.

    As many wait here as there is room for in all: no class waits behind another, and a study is not asked long before
    its trials can run.

    Args:
        class_of: The class of lanes that a trial runs on.
    """

    def __init__(self, class_of: Callable[[TrialRecord], str]) -> None:
        self._class_of = class_of
        self._waiting: deque[TrialRecord] = deque()
        self._room: dict[str, int] | None = None
        """Trials that may be out, by class; None: any number."""
        self._seen: set[str] = set()
        """Classes that the source has had trials of."""

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self) -> None:
        """The trials of another source will come."""
        self._seen.clear()

    def put(self, record: TrialRecord, *, first: bool = False) -> None:
        """A trial waits."""
        (self._waiting.appendleft if first else self._waiting.append)(record)

    def make_room(self, room: Mapping[str, int]) -> bool:
        """How many trials of each class may be out from now on; True where that is more than before for any."""
        before, self._room = self._room or {}, dict(room)
        return any(count > before.get(name, 0) for name, count in room.items())

    @property
    def size(self) -> int:
        """How many trials may be out in all."""
        return MANY if self._room is None else sum(self._room.values())

    def next(self, source: TrialSource, out: Iterable[TrialRecord]) -> TrialRecord | None:
        """The first trial whose class has room beside those that are out: of those here, else of the source."""
        left = self._left(out)
        for record in self._waiting:
            if self._fits(record, left):
                self._waiting.remove(record)
                return record
        # One at least, so that a class without lanes comes to be known.
        most = max(1, sum(left.values())) if left is not None else MANY
        while len(self._waiting) < most and (new := source.next()) is not None:
            self._seen.add(self._class_of(new))
            if self._fits(new, left):
                return new
            self._waiting.append(new)
        return None

    def wanted(self, out: Iterable[TrialRecord], to_come: int) -> dict[str, int]:
        """Lanes of each class that could be at work; what is still to come may be of any class that has come."""
        counts = Counter(self._class_of(record) for record in (*out, *self._waiting))
        return dict(counts + Counter(dict.fromkeys(self._seen, to_come)))

    def _left(self, out: Iterable[TrialRecord]) -> Counter[str] | None:
        return None if self._room is None else Counter(self._room) - Counter(self._class_of(record) for record in out)

    def _fits(self, record: TrialRecord, left: Counter[str] | None) -> bool:
        return left is None or left[self._class_of(record)] > 0
