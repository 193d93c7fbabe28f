"""Laws that may not rise with the share: D-CPT's requirement dL/dr < 0, over the range of the data.

D-CPT's form L3 does not keep it by itself: it needs B eta r^(eta-1) (r+eps)^(gamma+1) < C gamma D^beta, and an eta
below 1 breaks that near r = 0 for any amplitudes (arXiv 2406.01375, requirement 2). So it is asked for between
neighbouring shares of a grid, where it means something: mixing in more of a corpus must not make its own loss worse.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.forms.law import LEAST_LOSS, Law, log_predicted
from sweeper.laws.tables.points import Points

_SHARES = 17


@dataclass(frozen=True)
class Falling:
    """A grid of points, (k * shares), over which a law may not rise from one share to the next."""

    points: Points
    shares: int
    """Shares of each of the k others, which vary slower."""


@dataclass(frozen=True)
class Breach:
    """Where a fitted law breaks the trend."""

    part: float
    """Of the neighbouring shares looked at."""
    rise: float
    """Largest rise of log loss between neighbouring shares."""
    share: float
    """From this share on, where the rise is largest."""
    tokens: float
    params: float

    @property
    def text(self) -> str:
        """In words."""
        return (
            f"The law rises with the share in {self.part:.0%} of the measured range, at most by {self.rise:.2%} from "
            f"share {self.share:.3g} to the next, at {self.tokens:.3g} tokens and {self.params:.3g} parameters: more "
            "of a corpus would make its own loss worse."
        )


def falling_over(points: Points) -> Falling:
    """The grid over measured points: shares from least to largest, fewest and most tokens, every size."""
    shares = np.linspace(points.share.min(), points.share.max(), _SHARES)
    sizes = np.unique(points.params)
    corners = [(n, tokens) for n in sizes for tokens in _ends(points.tokens[points.params == n])]
    params, tokens = (np.repeat(column, _SHARES) for column in np.array(corners).T)
    per_token = float(np.median(points.lr_area / points.tokens))
    base = np.array([np.median(points.base_loss[points.params == n]) for n in params])
    grid = Points(
        params=params,
        tokens=tokens,
        share=np.tile(shares, len(corners)),
        lr_area=tokens * per_token,
        annealed=np.zeros(len(tokens)),
        base_loss=base,
    )
    return Falling(grid, _SHARES)


def rises(law: Law, falling: Falling, params: Floats) -> Floats:
    """(m, pairs) how much log loss rises from a share to the next; 0 where it falls."""
    logs = log_predicted(law, params, falling.points)
    steps = np.diff(logs.reshape(len(params), -1, falling.shares), axis=2)
    return np.asarray(np.maximum(steps, 0.0).reshape(len(params), -1))


def rise_slopes(law: Law, falling: Falling, params: Floats) -> Floats:
    """(m, pairs, p) derivatives of `rises`; 0 where the law falls."""
    loss = np.maximum(law.predict(params, falling.points), LEAST_LOSS)
    slopes = law.jacobian(params, falling.points) / loss[:, :, None]
    steps = np.diff(slopes.reshape(len(params), -1, falling.shares, params.shape[1]), axis=2)
    flat = steps.reshape(len(params), -1, params.shape[1])
    return np.asarray(flat * (rises(law, falling, params) > 0)[:, :, None])


def breach_of(law: Law, params: Floats, points: Points) -> Breach | None:
    """The breach of the trend by fitted parameters (p,) over the range of the points; None where there is none."""
    falling = falling_over(points)
    found = rises(law, falling, params[None])[0]
    if not np.any(found > 0):
        return None
    worst = int(np.argmax(found))
    pairs = falling.shares - 1
    at = worst // pairs * falling.shares + worst % pairs
    grid = falling.points
    return Breach(
        part=float(np.mean(found > 0)),
        rise=float(found[worst]),
        share=float(grid.share[at]),
        tokens=float(grid.tokens[at]),
        params=float(grid.params[at]),
    )


def _ends(tokens: Floats) -> Floats:
    return np.unique([tokens.min(), tokens.max()])
