"""What a law of loss gets wrong, as a smooth function that is 0 at tokens = 0, and how variants of a run are alike.

Every law is a simplification: beyond its curve a run follows a smooth deviation in ratio and tokens. It is written as a
weighted sum of fixed features whose inner products are a squared-exponential kernel on knots (Nystroem's approximation;
Williams and Seeger, NeurIPS 2000), so that one draw of the weights is one whole surface.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats

ONSET = 0.03
"""Part of the largest area within which deviations and run effects set in."""
_SHARE_KNOTS = np.linspace(-2.6, 1.1, 7)
_TIME_KNOTS = np.linspace(np.log(ONSET) - 0.2, np.log(2.5), 6)
_JITTER = 1e-6


def onset(area: Floats) -> Floats:
    """0 before training, near 1 soon after."""
    return np.asarray(area / (area + ONSET))


def log_time(area: Floats) -> Floats:
    """Training time on the scale on which curves change evenly."""
    return np.asarray(np.log(area + ONSET))


def wander_features(area: Floats, share: Floats) -> Floats:
    """(n, k) features of the smooth deviation, with unit variance once training is under way.

    Args:
        area: (n,) over the largest measured.
        share: (n,) own share.
    """
    place = 0.7 * np.log(share + ONSET) + share
    product = np.einsum("na,nb->nab", _features(place, _SHARE_KNOTS), _features(log_time(area), _TIME_KNOTS))
    return np.asarray(onset(area)[:, None] * product.reshape(len(area), -1))


def _features(at: Floats, knots: Floats) -> Floats:
    """(n, knots) with inner products exp(-d^2/2), nearly, within the knots' range."""
    gram = _kernel(knots, knots) + _JITTER * np.eye(len(knots))
    return np.asarray(np.linalg.solve(np.linalg.cholesky(gram), _kernel(knots, at)).T)


def _kernel(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * (a[:, None] - b[None, :]) ** 2))


@dataclass(frozen=True)
class Variants:
    """The kinds of runs of a table: sizes, methods and ranks, as coordinates in which near kinds are alike."""

    known: Floats
    """(v, 3): ln N over ln 4, 1 for an adapter, ln rank over ln 4 for an adapter; relative to the first row's."""

    def features(self, at: Floats) -> Floats:
        """(n, c): the first column is 1, linear trends and deviations of each known kind follow.

        With a single kind there is nothing to tell apart and only the first column.
        """
        ones = np.ones((len(at), 1))
        if len(self.known) == 1:
            return ones
        center = self.known.mean(axis=0)
        varied = np.ptp(self.known, axis=0) > 0
        linear = _TREND * (at - center)[:, varied]
        return np.hstack([ones, linear, _OWN * self.likeness(at)])

    def likeness(self, at: Floats) -> Floats:
        """(n, v): features whose inner products fall from 1 with the distance between kinds."""
        gram = _alike(self.known, self.known) + _JITTER * np.eye(len(self.known))
        return np.asarray(np.linalg.solve(np.linalg.cholesky(gram), _alike(self.known, at)).T)

    def levels(self, at: Floats) -> Floats:
        """(n, v): what each known kind's level counts for the level at a kind.

        A known kind's own level is all that counts there; elsewhere the line through all known levels is followed, so
        that base losses are a power of N.
        """
        distance = np.sum((at[:, None, :] - self.known[None, :, :]) ** 2, axis=2)
        own = np.asarray(distance == distance.min(axis=1, keepdims=True), dtype=np.float64)
        line = _with_one(at) @ np.linalg.pinv(_with_one(self.known))
        return np.asarray(np.where(distance.min(axis=1, keepdims=True) < _SAME_KIND, own, line))


def _with_one(at: Floats) -> Floats:
    return np.hstack([np.ones((len(at), 1)), at])


_SAME_KIND = 1e-12
_TREND = 0.3
_OWN = 0.15


def _alike(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * np.sum((a[:, None, :] - b[None, :, :]) ** 2, axis=2) / 1.5**2))
