import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.errors import TrainerError, TrialFailed
from trainers.workers.ranks import Ranks, reason_of

CPU = torch.device("cpu")


@given(st.integers(0, 50), st.integers(1, 9))
def test_ranks_divide_a_batch_without_gap_or_overlap(n: int, size: int) -> None:
    shares = [Ranks(rank, size, CPU).share(n) for rank in range(size)]
    assert [i for share in shares for i in share] == list(range(n))
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize(
    ("error", "cause", "repeatable"),
    [
        (TrainerError("seed: 1 is bad"), "bad_spec", True),
        (torch.OutOfMemoryError("full"), "out_of_memory", True),
        (MemoryError(), "out_of_memory", True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out_of_memory", True),
        (RuntimeError("shape mismatch"), "error", True),
        (ConnectionError("reset"), "error", False),
    ],
)
def test_errors_are_told_apart(error: Exception, cause: str, repeatable: bool) -> None:
    assert (reason_of(error)[0], reason_of(error)[2]) == (cause, repeatable)


def test_a_part_that_fails_becomes_the_failure_of_the_trial() -> None:
    def part() -> int:
        raise TrainerError("model: none")

    with pytest.raises(TrialFailed, match="model: none"):
        Ranks(0, 1, CPU).together(part)


def test_a_part_that_works_gives_its_result() -> None:
    assert Ranks(0, 1, CPU).together(lambda: 3) == 3
