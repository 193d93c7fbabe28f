"""The one measurement of loss: sum of nats / sum of tokens on held-out blocks."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.errors import TrainerError
from trainers.messages import CorpusLoss, DocumentLoss
from trainers.model.models import Model
from trainers.statistics import bootstrap_stderr
from trainers.tokens.packed import PackedSplit
from trainers.tokens.windows import read_windows
from trainers.workers.ranks import Ranks

EvaluationSplit = Literal["valid", "test"]


class Corpus(Protocol):
    """Held-out text: a packed corpus on disk, or splits in memory."""

    def __getitem__(self, split: EvaluationSplit, /) -> PackedSplit:
        """One split."""


def evaluation_blocks(n_blocks: int, length: int, max_tokens: int) -> NDArray[np.int64]:
    """Blocks spread over a split, rising, that hold at most `max_tokens` tokens (but at least one block).

    They are the first of one order, that of van der Corput (1935): block numbers by their bits read backwards. So they
    lie evenly, and what a smaller evaluation scores is a part of what a larger one of the same split scores.
    """
    order = _bits_reversed(np.arange(1 << max(0, n_blocks - 1).bit_length(), dtype=np.int64))
    return np.sort(order[order < n_blocks][: max(1, max_tokens // length)])


def _bits_reversed(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ..., 2^k - 1 with the k bits of each read backwards."""
    backwards, width = np.zeros_like(numbers), (len(numbers) - 1).bit_length()
    for bit in range(width):
        backwards |= (numbers >> bit & 1) << (width - 1 - bit)
    return backwards


class Evaluator:
    """Measures a model on the held-out splits of its corpora; the result depends on neither workers nor batch size.

    Args:
        corpora: by name, in the order in which they are measured.
        length: tokens a block.
        max_tokens: of each corpus and split.
        batch_size: blocks that a rank puts through the model at once.
        ranks: who share the work.
        document_mask: whether documents in a block see each other not.
    """

    def __init__(
        self,
        corpora: Mapping[str, Corpus],
        length: int,
        max_tokens: int,
        batch_size: int,
        ranks: Ranks,
        document_mask: bool = False,
    ) -> None:
        self._corpora, self._length, self._max_tokens = corpora, length, max_tokens
        self._batch_size, self._ranks, self._document_mask = batch_size, ranks, document_mask

    def alone(self, device: torch.device) -> "Evaluator":
        """The same measurement by this rank without the others."""
        ranks = Ranks(0, 1, device)
        return Evaluator(self._corpora, self._length, self._max_tokens, self._batch_size, ranks, self._document_mask)

    def check(self, splits: tuple[EvaluationSplit, ...]) -> None:
        """Look before training whether every split can be measured.

        Raises:
            TrainerError: a split has not one whole block.
        """
        for name, corpus in self._corpora.items():
            for split in splits:
                if corpus[split].n_blocks(self._length) < 1:
                    raise TrainerError(
                        f"corpus {name}: its {split} split has {len(corpus[split].tokens)} tokens, too small for one "
                        f"block of max_seq_length {self._length}; give the corpus more text or shorten max_seq_length"
                    )

    def measure(self, model: Model, splits: tuple[EvaluationSplit, ...]) -> tuple[CorpusLoss, ...]:
        """Every corpus on each of `splits`; all ranks must call it and all get the same.

        Raises:
            TrialFailed: a rank could not score its blocks.
        """
        losses = []
        for name, corpus in self._corpora.items():
            for split in splits:
                packed = corpus[split]
                blocks = evaluation_blocks(packed.n_blocks(self._length), self._length, self._max_tokens)
                nll = self._ranks.sum_(self._attempt(model, lambda p=packed, b=blocks: self._score(model, p, b)))  # type: ignore[misc]
                losses.append(corpus_loss(name, split, packed, blocks, nll.cpu().numpy()))
        return tuple(losses)

    def _attempt(self, model: Model, score: Callable[[], torch.Tensor]) -> torch.Tensor:
        # Ranks of a divided model meet inside it: one that fails cannot tell the others, who wait there.
        return score() if model.sharded else self._ranks.together(score)

    @torch.no_grad()
    def _score(self, model: Model, packed: PackedSplit, blocks: NDArray[np.int64]) -> torch.Tensor:
        """Nats of every target, (blocks, length); rows of other ranks stay 0, so that adding up gathers them.

        Every rank goes through the model equally often, because ranks of a divided model must: where blocks do not
        come out even, a rank scores the last block once more and drops what it finds.
        """
        n, size = len(blocks), self._ranks.size
        nll = torch.zeros(n, self._length, dtype=torch.float32, device=self._ranks.device)
        mine = [self._ranks.rank + size * i for i in range(-(-n // size))]
        model.evaluate()
        for start in range(0, len(mine), self._batch_size):
            rows = mine[start : start + self._batch_size]
            places = [(packed, int(blocks[min(row, n - 1)])) for row in rows]
            windows = read_windows(places, self._length, self._document_mask)
            scored = model.nll(windows.to(self._ranks.device))
            kept = [row for row in rows if row < n]
            nll[kept] = scored[: len(kept)]
        model.train()
        return nll


def corpus_loss(
    name: str, split: EvaluationSplit, packed: PackedSplit, blocks: NDArray[np.int64], nll: NDArray[np.float32]
) -> CorpusLoss:
    """Add up the nats of scored targets (blocks, length) by document and in all.

    A document that was scored in part counts its bytes in proportion to its scored tokens.
    """
    positions = blocks[:, None] * nll.shape[1] + 1 + np.arange(nll.shape[1])
    owners, inverse = np.unique(packed.document_of(positions.ravel()), return_inverse=True)
    sums = np.bincount(inverse, weights=nll.ravel().astype(np.float64))
    tokens = np.bincount(inverse)
    _, sizes, n_bytes = packed.documents[owners].T
    return CorpusLoss(
        corpus=name,
        split=split,
        nll=float(sums.sum()),
        tokens=int(tokens.sum()),
        bytes=float((n_bytes * (tokens / sizes)).sum()),
        stderr=bootstrap_stderr(sums.tolist(), tokens.tolist()),
        documents=tuple(
            DocumentLoss(document=int(d), nll=float(s), tokens=int(n))
            for d, s, n in zip(owners, sums, tokens, strict=True)
        ),
    )
