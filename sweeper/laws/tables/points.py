"""Where a law is evaluated."""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.tables.table import Table


@dataclass(frozen=True)
class Points:
    """Arguments of a law, each (n,)."""

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

    def __len__(self) -> int:
        return len(self.tokens)


def points_of(table: Table) -> Points:
    """The points at which a table was measured."""
    return Points(
        params=table.params,
        tokens=table.tokens,
        share=np.clip(table.share, 0.0, 1.0),
        lr_area=table.lr_area,
        annealed=1.0 - table.lr_fraction,
        base_loss=table.base_loss,
    )
