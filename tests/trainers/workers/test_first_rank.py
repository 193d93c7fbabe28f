import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
import torch

from trainers.errors import TrialFailed
from trainers.workers.first_rank import on_first_rank
from trainers.workers.ranks import Ranks, Reason


@dataclass
class Meeting:
    """Where two threads add up numbers as two ranks do."""

    barrier: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=10))
    values: list[float] = field(default_factory=lambda: [0.0, 0.0])
    count: int = 0


@dataclass(frozen=True)
class ThreadRanks(Ranks):
    meeting: Meeting = field(default_factory=Meeting)

    def sum_number(self, value: float) -> float:
        meeting = self.meeting
        meeting.values[self.rank] = value
        meeting.barrier.wait()
        total = sum(meeting.values)
        meeting.count += self.first
        meeting.barrier.wait()
        return total

    def fail(self, reason: Reason | None) -> NoReturn:
        raise TrialFailed(*(reason or ("error", "told by the other rank", True)))


def both(part: Callable[[], Any], meeting: Meeting) -> list[Any]:
    """What two ranks get from `on_first_rank`: a result, or the error."""
    got: list[Any] = [None, None]

    def rank(number: int) -> None:
        try:
            ranks = ThreadRanks(number, 2, torch.device("cpu"), meeting)
            got[number] = on_first_rank(ranks, part, meet_seconds=0.02)
        except TrialFailed as failed:
            got[number] = failed

    threads = [threading.Thread(target=rank, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return got


def test_ranks_meet_again_and_again_while_the_first_works_alone() -> None:
    calls, meeting = [], Meeting()

    def part() -> str:
        calls.append(threading.get_ident())
        time.sleep(0.3)
        return "done"

    assert both(part, meeting) == ["done", None]
    assert len(calls) == 1
    assert meeting.count >= 5


def test_where_the_first_fails_all_fail() -> None:
    def part() -> None:
        raise ValueError("no room")

    failed = both(part, Meeting())
    assert all(isinstance(error, TrialFailed) for error in failed)
    assert "no room" in failed[0].reason


def test_a_single_process_just_does_it() -> None:
    assert on_first_rank(Ranks(0, 1, torch.device("cpu")), threading.get_ident) == threading.get_ident()
    with pytest.raises(TrialFailed):
        on_first_rank(Ranks(0, 1, torch.device("cpu")), lambda: 1 // 0)
