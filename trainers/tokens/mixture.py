"""Which corpus and which of its blocks a trial reads at each position: a pure function of (seed, shares, position)."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trainers.errors import TrainerError

UNITS = 10**12
"""Shares are counted in these units, so that rounding cannot break the quota."""


def integer_shares(shares: Mapping[str, float]) -> dict[str, int]:
    """Shares in `UNITS`, summing to it exactly, by name in alphabetical order.

    Raises:
        TrainerError: a share is negative, or they do not sum to 1 (within 1e-6).
    """
    total = sum(shares.values())
    if not shares or min(shares.values()) < 0 or abs(total - 1) > 1e-6:
        raise TrainerError(f"mixture: {dict(shares)} sums to {total:g}; shares must be at least 0 and sum to 1")
    units = {name: round(shares[name] * UNITS) for name in sorted(shares)}
    largest = max(units, key=lambda name: units[name])
    units[largest] += UNITS - sum(units.values())
    return units


def block_sequence(shares: Mapping[str, float], n_blocks: int) -> NDArray[np.int16]:
    """Which corpus gives each block: (n_blocks,) indices into `sorted(shares)`.

    After any n blocks each corpus has given the floor or the ceiling of n times its share. This is the algorithm of
    R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980) 323-330: among K corpora, those that
    lag their due by at least d = 1 / (2K - 2) stand, and the one chosen is the first whose lag would pass 1 - d. No
    count is then ever further than 1 - d from its due. All of it is in integers.
    """
    units = integer_shares(shares)
    standing = [(index, share) for index, share in enumerate(units.values()) if share > 0]
    indices = np.array([index for index, _ in standing], dtype=np.int16)
    if len(standing) == 1:
        return np.repeat(indices, n_blocks)
    return np.take(indices, _tijdeman([share for _, share in standing], n_blocks))


def _tijdeman(shares: list[int], n_blocks: int) -> NDArray[np.int64]:
    m = 2 * len(shares) - 2  # d = 1 / m
    # Times are multiplied by m * share, so that both conditions compare integers.
    opens = [UNITS] * len(shares)
    closes = [UNITS * (m - 1)] * len(shares)
    scaled = [m * share for share in shares]
    chosen = np.empty(n_blocks, dtype=np.int64)
    for n in range(1, n_blocks + 1):
        best = -1
        for i, share in enumerate(scaled):
            if share * n >= opens[i] and (best < 0 or closes[i] * scaled[best] < closes[best] * share):
                best = i
        chosen[n - 1] = best
        opens[best] += m * UNITS
        closes[best] += m * UNITS
    return chosen


def permutation(seed: int, corpus: str, epoch: int, n: int) -> NDArray[np.int64]:
    """The order in which a corpus gives its `n` blocks in one epoch, (n,).

    Sorts raw PCG64 output, which NumPy promises never to change (NEP 19), so the order survives upgrades.
    """
    digest = hashlib.sha256(f"{seed}/{epoch}/{corpus}".encode()).digest()
    keys = np.random.PCG64(int.from_bytes(digest[:16], "big")).random_raw(n)
    return np.argsort(keys, kind="stable")


class Mixture:
    """The blocks of one trial, addressed by position.

    The j-th block that a corpus gives is a pure function of (seed, corpus, j), so trials with other shares read the
    same blocks of it in the same order.

    Args:
        seed: of the trial.
        shares: of training tokens by corpus, summing to 1.
        n_train_blocks: how many blocks each corpus has to train on.
        n_blocks: how many blocks the trial reads.

    Raises:
        TrainerError: the shares are not a mixture, or a corpus with a share has no blocks.
    """

    def __init__(
        self, seed: int, shares: Mapping[str, float], n_train_blocks: Mapping[str, int], n_blocks: int
    ) -> None:
        self._seed = seed
        self._names = sorted(shares)
        self._sizes = dict(n_train_blocks)
        self._check(shares)
        self._sequence = block_sequence(shares, n_blocks)
        self._draws = _draws(self._sequence)
        self._orders: dict[str, tuple[int, NDArray[np.int64]]] = {}

    def _check(self, shares: Mapping[str, float]) -> None:
        for name, share in shares.items():
            if share > 0 and self._sizes.get(name, 0) < 1:
                raise TrainerError(
                    f"mixture: {name} has the share {share:g} but not one whole training block; "
                    "give it more text, shorten max_seq_length or set its share to 0"
                )

    def __len__(self) -> int:
        return len(self._sequence)

    def block(self, i: int) -> tuple[str, int]:
        """The corpus and the block of it at position `i`."""
        name = self._names[self._sequence[i]]
        epoch, place = divmod(int(self._draws[i]), self._sizes[name])
        return name, int(self._order(name, epoch)[place])

    def _order(self, name: str, epoch: int) -> NDArray[np.int64]:
        if self._orders.get(name, (-1,))[0] != epoch:
            self._orders[name] = (epoch, permutation(self._seed, name, epoch, self._sizes[name]))
        return self._orders[name][1]

    def blocks_given(self, n_done: int) -> dict[str, int]:
        """How many of the first `n_done` blocks each corpus has given, repeats included."""
        counts = np.bincount(self._sequence[:n_done], minlength=len(self._names))
        return {**dict.fromkeys(self._sizes, 0), **dict(zip(self._names, map(int, counts), strict=True))}

    def epochs(self, n_done: int) -> dict[str, float]:
        """How many times over each corpus has been read after `n_done` blocks."""
        return {name: given / max(1, self._sizes.get(name, 0)) for name, given in self.blocks_given(n_done).items()}

    def unique_tokens(self, n_done: int, length: int) -> dict[str, int]:
        """Distinct training tokens seen after `n_done` blocks of `length` tokens, by corpus."""
        given = self.blocks_given(n_done)
        return {name: min(count, self._sizes.get(name, 0)) * length for name, count in given.items()}


def _draws(sequence: NDArray[np.int16]) -> NDArray[np.int64]:
    """For each position, how many blocks its corpus had given before it, (n_blocks,)."""
    draws = np.empty(len(sequence), dtype=np.int64)
    for corpus in np.unique(sequence):
        places = np.flatnonzero(sequence == corpus)
        draws[places] = np.arange(len(places))
    return draws
