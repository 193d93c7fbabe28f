import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.errors import TrainerError
from trainers.tokens.mixture import UNITS, Mixture, block_sequence, integer_shares, permutation


@st.composite
def mixtures(draw: st.DrawFn) -> dict[str, float]:
    weights = draw(st.lists(st.one_of(st.just(0), st.integers(1, 1000)), min_size=1, max_size=6).filter(any))
    return {f"c{i}": weight / sum(weights) for i, weight in enumerate(weights)}


@given(mixtures())
def test_each_corpus_has_given_floor_or_ceiling_of_its_share_after_any_number_of_blocks(
    shares: dict[str, float],
) -> None:
    units = integer_shares(shares)
    sequence = block_sequence(shares, 300)
    counts = np.zeros(len(shares), dtype=int)
    for n, chosen in enumerate(sequence, start=1):
        counts[chosen] += 1
        for index, name in enumerate(sorted(shares)):
            due = Fraction(units[name] * n, UNITS)
            assert math.floor(due) <= counts[index] <= math.ceil(due)
            # Tijdeman's bound leaves room, so the shares as floats keep the quota too.
            assert abs(counts[index] - shares[name] * n) < 1


def test_a_quarter_gives_every_fourth_block() -> None:
    assert list(block_sequence({"a": 0.75, "b": 0.25}, 8)) == [0, 0, 1, 0, 0, 0, 1, 0]


def test_a_share_of_zero_gives_nothing_and_a_share_of_one_everything() -> None:
    assert set(block_sequence({"a": 0.0, "b": 1.0, "c": 0.0}, 50)) == {1}


def test_order_of_the_mapping_does_not_matter() -> None:
    shares = {"a": 0.2, "b": 0.3, "c": 0.5}
    assert list(block_sequence(shares, 40)) == list(block_sequence(dict(reversed(shares.items())), 40))


@given(mixtures(), st.integers(0, 2**32), st.integers(0, 80), st.integers(0, 80))
def test_a_longer_trial_begins_like_a_shorter_one(shares: dict[str, float], seed: int, few: int, more: int) -> None:
    """With repeats: the corpora have 3 to 8 blocks."""
    sizes = {name: 3 + i for i, name in enumerate(sorted(shares))}
    short, long = (Mixture(seed, shares, sizes, n) for n in (few, few + more))
    assert [short.block(i) for i in range(few)] == [long.block(i) for i in range(few)]
    assert short.unique_tokens(few, 16) == long.unique_tokens(few, 16)


@pytest.mark.parametrize("shares", [{"a": 0.4, "b": 0.5}, {"a": 1.2, "b": -0.2}, {}])
def test_shares_that_are_no_mixture_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(TrainerError, match="mixture"):
        integer_shares(shares)


def test_a_corpus_with_a_share_and_no_block_is_refused() -> None:
    with pytest.raises(TrainerError, match=r"code has the share 0\.5"):
        Mixture(0, {"code": 0.5, "docs": 0.5}, {"code": 0, "docs": 9}, 10)


def test_a_corpus_without_blocks_may_have_a_share_of_zero() -> None:
    assert Mixture(0, {"code": 0.0, "docs": 1.0}, {"code": 0, "docs": 9}, 10).block(0)[0] == "docs"


def blocks_of(mixture: Mixture, corpus: str) -> list[int]:
    return [index for name, index in map(mixture.block, range(len(mixture))) if name == corpus]


def test_mixtures_read_the_same_blocks_of_a_corpus_in_the_same_order() -> None:
    sizes = {"code": 7, "docs": 11}
    little, much = (Mixture(5, {"code": r, "docs": 1 - r}, sizes, 60) for r in (0.2, 0.7))
    assert blocks_of(little, "code") == blocks_of(much, "code")[:12]


def test_every_epoch_reads_each_block_once_in_a_fresh_order() -> None:
    mixture = Mixture(5, {"code": 1.0}, {"code": 9}, 27)
    epochs = [blocks_of(mixture, "code")[start : start + 9] for start in (0, 9, 18)]
    assert all(sorted(epoch) == list(range(9)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_seed_and_corpus_decide_the_order() -> None:
    orders = {tuple(permutation(s, c, 0, 20)) for s in (0, 1) for c in ("code", "docs")}
    assert len(orders) == 4


def test_the_order_never_changes_between_versions() -> None:
    assert list(permutation(0, "code", 0, 8)) == [4, 0, 2, 5, 7, 6, 3, 1]


def test_a_block_can_be_asked_for_out_of_order() -> None:
    shares, sizes = {"code": 0.5, "docs": 0.5}, {"code": 3, "docs": 4}
    forward = [Mixture(1, shares, sizes, 40).block(i) for i in range(40)]
    mixture = Mixture(1, shares, sizes, 40)
    assert [mixture.block(i) for i in reversed(range(40))] == forward[::-1]


@given(st.integers(0, 60))
def test_unique_tokens_are_the_distinct_blocks_read(n_done: int) -> None:
    mixture = Mixture(2, {"code": 0.8, "docs": 0.2}, {"code": 10, "docs": 30, "law": 5}, 60)
    seen = Counter(name for name, _ in {mixture.block(i) for i in range(n_done)})
    expected = {name: 16 * seen[name] for name in ("code", "docs", "law")}
    assert mixture.unique_tokens(n_done, 16) == expected


def test_epochs_count_repeats() -> None:
    mixture = Mixture(2, {"code": 0.5, "docs": 0.5}, {"code": 5, "docs": 100}, 40)
    assert mixture.epochs(40) == {"code": 4.0, "docs": 0.2}
