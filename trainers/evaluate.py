"""The one measurement of loss: sum of nats / sum of tokens on held-out blocks."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.errors import TrainerError
from trainers.messages import CorpusLoss, DocumentLoss
from trainers.models import Model
from trainers.packed import PackedCorpus, PackedSplit
from trainers.ranks import Ranks
from trainers.windows import read_windows

EvaluationSplit = Literal["valid", "test"]


def evaluation_blocks(n_blocks: int, length: int, max_tokens: int) -> NDArray[np.int64]:
    """Evenly spaced blocks holding at most `max_tokens` tokens (but at least one block): the middles of equal parts."""
    n = min(n_blocks, max(1, max_tokens // length))
    return (2 * np.arange(n, dtype=np.int64) + 1) * n_blocks // (2 * max(1, n))


class Evaluator:
    """Measures a model on the held-out splits of its corpora; the result depends on neither workers nor batch size."""

    def __init__(
        self,
        corpora: dict[str, PackedCorpus],
        length: int,
        max_tokens: int,
        batch_size: int,
        ranks: Ranks,
        document_mask: bool = False,
    ) -> None:
        self._corpora, self._length, self._max_tokens = corpora, length, max_tokens
        self._batch_size, self._ranks, self._document_mask = batch_size, ranks, document_mask

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
                nll = self._ranks.sum_(self._ranks.together(lambda p=packed, b=blocks: self._score(model, p, b)))  # type: ignore[misc]
                losses.append(corpus_loss(name, split, packed, blocks, nll.cpu().numpy()))
        return tuple(losses)

    @torch.no_grad()
    def _score(self, model: Model, packed: PackedSplit, blocks: NDArray[np.int64]) -> torch.Tensor:
        """Nats of every target, (blocks, length); rows of other ranks stay 0, so that adding up gathers them."""
        nll = torch.zeros(len(blocks), self._length, dtype=torch.float32, device=self._ranks.device)
        mine = range(self._ranks.rank, len(blocks), self._ranks.size)
        model.evaluate()
        for start in range(0, len(mine), self._batch_size):
            rows = list(mine[start : start + self._batch_size])
            places = [(packed, int(blocks[row])) for row in rows]
            windows = read_windows(places, self._length, self._document_mask)
            nll[rows] = model.nll(windows.to(self._ranks.device))
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
        documents=tuple(
            DocumentLoss(document=int(d), nll=float(s), tokens=int(n))
            for d, s, n in zip(owners, sums, tokens, strict=True)
        ),
    )
