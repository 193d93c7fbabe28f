"""What every law offers, and what the data say about the form it may take."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError
from sweeper.laws.tables.points import Points, in_decay

MIN_SIZES_FOR_POWERS = 3
"""Sizes from which on a power of N is fitted; below it each size has amplitudes of its own."""

LEAST_LOSS = 1e-6
"""A law that goes below is taken here, nats."""
LEAST_TOKENS = 1e-9
"""Over the largest measured tokens."""


@dataclass(frozen=True)
class Space:
    """Where the parameters of a law live, each (p,): hard bounds and weak normal priors (sd inf: none)."""

    lower: Floats
    upper: Floats
    prior_mean: Floats
    prior_sd: Floats


@dataclass(frozen=True)
class Frame:
    """What a law takes from the data before fitting: sizes, scales, and which parameters the data can say."""

    sizes: tuple[float, ...]
    tokens: float
    """Largest measured tokens: the unit of tokens in a law."""
    loss: float
    """Largest measured loss, nats: bounds additive terms."""
    decayed: bool
    """Whether some row was measured in the decay of its schedule."""
    near_zero: bool
    """Whether some row's own share is below 0.02: then the floor under the share is fitted."""
    ratios: int
    """Distinct shares."""
    methods: tuple[str, ...] = ()
    """Distinct methods, where they are named."""
    ranks: int = 0
    """Distinct ranks of adapters."""
    rank: float = 1.0
    """Largest rank: the unit of ranks in a law."""
    rates: tuple[float, float] = (1.0, 1.0)
    """Smallest and largest learning rate."""
    token_counts: int = 0
    """Distinct numbers of tokens."""
    base_loss: float = 1.0
    """Median base loss: its unit where a law asks for it as a number of its own."""
    decline: float = 1.0
    """Median first decline, likewise."""

    def __post_init__(self) -> None:
        for name in ("sizes", "methods", "rates"):  # JSON gives lists
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def powers(self) -> bool:
        """Whether the law speaks of N by powers, so that other sizes can be predicted."""
        return len(self.sizes) >= MIN_SIZES_FOR_POWERS

    def relative_size(self, params: Floats) -> Floats:
        """N over the largest measured N."""
        return np.asarray(params / max(self.sizes))

    def one_hot(self, params: Floats) -> Floats:
        """(n, sizes): 1 at the size of each point.

        Raises:
            LawError: a point has a size that was not measured.
        """
        hot = np.isclose(params[:, None], np.array(self.sizes)[None, :], rtol=1e-6).astype(np.float64)
        if not np.all(hot.sum(axis=1) == 1):
            wrong = params[hot.sum(axis=1) != 1][0]
            known = ", ".join(f"{n:g}" for n in self.sizes)
            raise LawError(
                f"params: {wrong:g} was not measured (measured: {known}); with fewer than {MIN_SIZES_FOR_POWERS} "
                "sizes there is no extrapolation in N"
            )
        return np.asarray(hot)


def frame_of(points: Points, loss: Floats) -> Frame:
    """The frame of measured points and their losses."""
    ranks, rates = _known(points.lora_r), _known(points.learning_rate)
    return Frame(
        sizes=tuple(float(n) for n in np.unique(points.params)),
        tokens=float(points.tokens.max()),
        loss=float(loss.max()),
        decayed=in_decay(points.annealed),
        near_zero=bool(np.any(points.share < 0.02)),
        ratios=len(np.unique(np.round(points.share, 3))),
        methods=tuple(str(name) for name in np.unique(points.method) if name),
        ranks=len(np.unique(ranks)),
        rank=float(ranks.max(initial=1.0)),
        rates=(float(rates.min()), float(rates.max())) if rates.size else (1.0, 1.0),
        token_counts=len(np.unique(points.tokens)),
        base_loss=_median(points.base_loss),
        decline=_median(points.decline),
    )


def _known(values: Floats) -> Floats:
    return np.asarray(values[~np.isnan(values)])


def _median(values: Floats) -> float:
    """Over what is known; 1 where nothing is."""
    known = _known(values)
    return float(np.median(known)) if known.size else 1.0


def relative_tokens(frame: Frame, points: Points) -> Floats:
    """D over the largest measured D, above 0: laws that diverge at D = 0 stay finite numbers."""
    return np.asarray(np.maximum(points.tokens / frame.tokens, LEAST_TOKENS))


class Law(Protocol):
    """A function from points to loss. `params` are (m, p): many parameter vectors at once."""

    @property
    def frame(self) -> Frame:
        """What it took from the data."""

    @property
    def name(self) -> str:
        """Short name, as in `fit(law=...)`."""

    @property
    def formula(self) -> str:
        """The law in one line of text."""

    @property
    def source(self) -> str:
        """Where it comes from."""

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names (p,); `ln_x` is the logarithm of x."""

    def space(self) -> Space:
        """Bounds and priors."""

    def starts(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, p) random starting points."""

    def predict(self, params: Floats, points: Points) -> Floats:
        """(m, n) losses, nats."""

    def jacobian(self, params: Floats, points: Points) -> Floats:
        """(m, n, p) derivatives of `predict`."""


def log_predicted(law: Law, params: Floats, points: Points) -> Floats:
    """(m, n) log losses; a law that goes below zero is as wrong as one near zero."""
    return np.asarray(np.log(np.maximum(law.predict(params, points), LEAST_LOSS)))
