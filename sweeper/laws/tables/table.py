"""The table of measurements as the laws see it: named 1-d columns, one row a measurement."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from sweeper.laws.arrays import Bools, Floats, Strings
from sweeper.laws.errors import LawError


@dataclass(frozen=True)
class Table:
    """Measured losses. All columns have one entry a row; NaN says that a number is not known.

    `table_from_columns` makes one from any mapping of columns, checked.
    """

    corpus: Strings
    params: Floats
    """Total parameters N; 1 in every row where the sizes are not known (one size, then)."""
    tokens: Floats
    """Training tokens D; 0 is the base model itself."""
    domain_ratio: Floats
    """Share of training tokens from `target`."""
    share: Floats
    """Share of training tokens from the row's own corpus."""
    loss: Floats
    """Nats per token."""
    stderr: Floats
    base_loss: Floats
    """Loss of the row's corpus at tokens = 0, for its size and method."""
    lr_area: Floats
    """Integral of learning rate / peak over training tokens, in tokens."""
    lr_fraction: Floats
    """Learning rate / peak in the decay; 1 before it."""
    unique_tokens: Floats
    """Distinct training tokens, over all corpora."""
    epochs: Floats
    """Training tokens drawn from the row's own corpus / distinct ones."""
    trial: Strings
    """Run id."""
    seed: Floats
    method: Strings
    lora_r: Floats
    learning_rate: Floats
    target: str
    """The corpus that `domain_ratio` is the share of."""
    remainder: dict[str, float]
    """Each other corpus' part of what the target leaves: its own share is `(1 - domain_ratio) * part`.

    A corpus that is neither here nor the target is another text of the target's domain: its share is `domain_ratio`.
    """
    notes: tuple[str, ...] = ()
    """What was missing or left out, as sentences."""

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def corpora(self) -> list[str]:
        """Names, in order of first appearance."""
        return list(dict.fromkeys(str(name) for name in self.corpus))

    def rows(self, keep: Bools) -> "Table":
        """The rows where `keep` (rows,) is true."""
        arrays: dict[str, Any] = {}
        for column in fields(self):
            value = getattr(self, column.name)
            if isinstance(value, np.ndarray):
                arrays[column.name] = value[keep]
        return replace(self, **arrays)

    def where(self, *, corpus: str | None = None, method: str | None = None) -> "Table":
        """The rows of one corpus, of one method, or both.

        Raises:
            LawError: no such row.
        """
        keep = np.ones(len(self), dtype=np.bool_)
        for name, wanted in (("corpus", corpus), ("method", method)):
            if wanted is None:
                continue
            column = getattr(self, name)
            keep &= column == wanted
            if not keep.any():
                known = ", ".join(sorted(set(column.tolist())))
                raise LawError(f"{name}: no row has {wanted!r}; the table has {known}")
        return self.rows(keep)
