"""What a model is shown at once: blocks of tokens, and where their documents begin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.tokens.packed import PackedSplit


@dataclass(frozen=True)
class Windows:
    """Blocks side by side."""

    tokens: torch.Tensor
    """(batch, length + 1) token ids: inputs `[:, :-1]`, targets `[:, 1:]`."""
    positions: torch.Tensor | None = None
    """(batch, length) each input's place in its document, from 0 where the document or the block begins; None where
    attention crosses document boundaries and positions count from the block's start."""

    @property
    def inputs(self) -> torch.Tensor:
        """(batch, length)."""
        return self.tokens[:, :-1]

    @property
    def targets(self) -> torch.Tensor:
        """(batch, length)."""
        return self.tokens[:, 1:]

    def to(self, device: torch.device) -> "Windows":
        """The same on a device."""
        positions = None if self.positions is None else self.positions.to(device, non_blocking=True)
        return Windows(self.tokens.to(device, non_blocking=True), positions)


def read_windows(places: Sequence[tuple[PackedSplit, int]], length: int, document_mask: bool) -> Windows:
    """The blocks at (split, block index) `places`, in that order, in the host's memory."""
    tokens = torch.from_numpy(np.stack([split.window(block, length) for split, block in places]))
    if not document_mask:
        return Windows(tokens)
    rows = [document_positions(split, block, length) for split, block in places]
    return Windows(tokens, torch.from_numpy(np.stack(rows)))


def document_positions(split: PackedSplit, block: int, length: int) -> NDArray[np.int64]:
    """(length,) place of each input of a block in its document, counted from the block's start at the earliest."""
    places = block * length + np.arange(length)
    begins: NDArray[np.int64] = split.documents[split.document_of(places), 0]
    return places - np.maximum(begins, block * length)
