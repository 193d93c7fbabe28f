"""Where a law is evaluated."""

from dataclasses import dataclass, field

import numpy as np

from sweeper.laws.arrays import Floats, Strings
from sweeper.laws.errors import LawError
from sweeper.laws.tables.table import Table

_OPTIONAL = ("unique_tokens", "learning_rate", "lora_r", "decline")


def _unknown() -> Floats:
    return np.empty(0)


def _unnamed() -> Strings:
    return np.empty(0, dtype=np.str_)


@dataclass(frozen=True)
class Points:
    """Arguments of a law, each (n,). What is left out is unknown: NaN, or an empty name.

    Raises:
        LawError: an optional column has another length.
    """

    params: Floats
    tokens: Floats
    share: Floats
    """Own share of the corpus whose loss it is."""
    lr_area: Floats
    """S, in tokens."""
    annealed: Floats
    """q = 1 - learning rate / peak, in the decay."""
    base_loss: Floats
    """NaN where it is not known."""
    unique_tokens: Floats = field(default_factory=_unknown)
    """Distinct tokens among `tokens`, tokens / epochs of the own corpus; `tokens` where nothing says that text was
    repeated."""
    learning_rate: Floats = field(default_factory=_unknown)
    """Peak."""
    lora_r: Floats = field(default_factory=_unknown)
    """Rank of the adapter; NaN for full weights."""
    decline: Floats = field(default_factory=_unknown)
    """How fast the loss of the row's domain falls in the first steps, nats per token."""
    method: Strings = field(default_factory=_unnamed)

    def __post_init__(self) -> None:
        for name in _OPTIONAL:
            if len(getattr(self, name)) == 0:
                object.__setattr__(self, name, np.full(len(self), np.nan))
        if len(self.method) == 0:
            object.__setattr__(self, "method", np.full(len(self), "", dtype=np.str_))
        for name in (*_OPTIONAL, "method"):
            if len(getattr(self, name)) != len(self):
                raise LawError(f"{name}: {len(getattr(self, name))} values for {len(self)} points; give one a point")
        unknown = np.isnan(self.unique_tokens) | (self.unique_tokens > self.tokens)
        object.__setattr__(self, "unique_tokens", np.where(unknown, self.tokens, self.unique_tokens))

    def __len__(self) -> int:
        return len(self.tokens)


def in_decay(annealed: Floats) -> bool:
    """Whether some point lies in the decay of its schedule."""
    return bool(np.any(annealed > 0.01))


def points_of(table: Table) -> Points:
    """The points at which a table was measured.

    How often text was repeated is that of the row's own corpus where the table has its epochs, else that of the whole
    mixture.
    """
    passes = np.maximum(table.epochs, 1.0)
    return Points(
        params=table.params,
        tokens=table.tokens,
        share=np.clip(table.share, 0.0, 1.0),
        lr_area=table.lr_area,
        annealed=1.0 - table.lr_fraction,
        base_loss=table.base_loss,
        unique_tokens=np.where(np.isnan(passes), table.unique_tokens, table.tokens / passes),
        learning_rate=table.learning_rate,
        lora_r=table.lora_r,
        method=table.method,
    )
