from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.steps.gradients import ERRORS
from trainers.steps.sharded_gradients import ShardedGradients
from trainers.tokens.batches import Batches
from trainers.tokens.windows import Windows
from trainers.workers.ranks import Ranks

CPU = torch.device("cpu")
ALONE = Ranks(0, 1, CPU)


class Rows(Batches):
    """Batches whose windows are their rows' numbers; a row may be unreadable."""

    def __init__(self, size: int, micro: int, ranks: Ranks, unreadable: int = -1) -> None:
        self._size, self._micro, self._ranks, self._bad = size, micro, ranks, unreadable
        self._length, self._document_mask = 4, False

    def micro_batches(self, step: int) -> Iterator[Windows]:
        """Row numbers in place of windows."""
        mine = self._ranks.share(self._size)
        for start in range(mine.start, mine.stop, self._micro):
            if start == self._bad:
                raise OSError("gone")
            yield Windows(torch.arange(start, min(start + self._micro, mine.stop)))


@given(st.integers(1, 20), st.integers(1, 6), st.integers(1, 5))
def test_all_ranks_go_through_the_model_equally_often_and_each_row_counts_once(size: int, micro: int, n: int) -> None:
    parts = [
        list(ShardedGradients([], ALONE).micro_batches(Rows(size, micro, Ranks(rank, n, CPU)), 0)) for rank in range(n)
    ]
    assert len({len(part) for part in parts}) == 1
    rows = [row for part in parts for windows, weight in part if weight == 1 for row in windows.tokens.tolist()]
    assert rows == list(range(size))
    blanks = [windows for part in parts for windows, weight in part if weight != 1]
    assert all(windows.inputs.shape == (1, 4) for windows in blanks)


def test_no_rank_goes_through_the_model_for_nothing_more_often_than_it_must() -> None:
    parts = list(ShardedGradients([], ALONE).micro_batches(Rows(5, 2, Ranks(1, 2, CPU)), 0))
    assert [weight for _, weight in parts] == [1.0, 1.0]


def test_what_cannot_be_read_is_blank_and_reported() -> None:
    gradients = ShardedGradients([], ALONE)
    parts = list(gradients.micro_batches(Rows(4, 2, Ranks(0, 1, CPU), unreadable=2), 0))
    assert [weight for _, weight in parts] == [1.0, 0.0]
    assert gradients.signals[ERRORS] == 1
    assert gradients.reason == ("error", "OSError: gone", False)


def test_an_error_in_the_model_is_raised_with_what_to_do() -> None:
    def part() -> None:
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError, match="full") as raised:
        ShardedGradients([], ALONE).attempt(part)
    assert "has to be started again" in raised.value.__notes__[0]
