"""Predictions of all corpora at all options, in one world a draw.

Laws and their draws are smooth in the ratio, and evaluating a thousand draws is what a decision costs. So laws are
asked at every fourth option of a size and what lies between is joined by straight lines.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from sweeper.laws.arrays import Floats, Ints
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.fits.prediction import Prediction
from sweeper.laws.uses.options import LEVEL, Options

_STEP = 4
_FEWEST = 40
"""Options of a size from which on some are joined."""


def predicted(fits: LawSet, corpora: list[str], options: Options, *, noise: bool) -> dict[str, Prediction]:
    """The losses of each corpus at every option; draw i is the same world for all corpora and options.

    Args:
        fits: The laws.
        corpora: Whose losses.
        options: Those of one size and number of epochs in a row and in the order of their ratios.
        noise: Whether intervals are for a single new run.
    """
    nodes = nodes_of(options)
    asked = options.keep(np.isin(np.arange(len(options)), nodes))
    found = {}
    for name in corpora:
        at = fits.predict(
            name,
            tokens=asked.tokens,
            params=asked.params,
            domain_ratio=asked.domain_ratio,
            level=LEVEL,
            noise=noise,
            unique_tokens=asked.tokens / asked.epochs if name == fits.target and np.any(asked.epochs > 1) else None,
        )
        found[name] = joined(at, nodes, len(options))
    return found


def nodes_of(options: Options) -> Ints:
    """Positions at which the laws are asked: in each size (and epochs) every fourth option, and the last."""
    turns = (np.diff(options.params) != 0) | (np.diff(options.epochs) != 0)
    ends = [0, *(np.flatnonzero(turns) + 1).tolist(), len(options)]
    parts = []
    for first, past in pairwise(ends):
        step = _STEP if past - first > _FEWEST else 1
        parts.append(np.unique(np.append(np.arange(first, past, step), past - 1)))
    return np.concatenate(parts)


def joined(at: Prediction, nodes: Ints, count: int) -> Prediction:
    """A prediction at nodes, for all `count` positions from the first node to the last."""
    if len(nodes) == count:
        return at
    left = np.clip(np.searchsorted(nodes, np.arange(count), side="right") - 1, 0, len(nodes) - 2)
    weight = (np.arange(count) - nodes[left]) / (nodes[left + 1] - nodes[left])

    def between(values: Floats) -> Floats:
        return np.asarray(values[..., left] * (1.0 - weight) + values[..., left + 1] * weight)

    return replace(at, loss=between(at.loss), low=between(at.low), high=between(at.high), samples=between(at.samples))
