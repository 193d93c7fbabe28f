"""Limits on losses: how far each may rise over its base loss."""

from collections.abc import Mapping

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.errors import LawError
from sweeper.laws.fits.lawset import LawSet
from sweeper.laws.uses.options import Options

Constraint = Mapping[str, tuple[float | None, float]]
"""Corpus to (base loss, largest allowed increase as a part of it); None takes the measured base loss of the size."""


def check_constraint(fits: LawSet, constraint: Constraint) -> None:
    """Refuses what no loss can be held to.

    Raises:
        LawError: a corpus without a law, a base loss that is not above 0, an increase of -100 % or less.
    """
    for name, (base, increase) in constraint.items():
        fits.corpus(name)
        if not (base is None or base > 0) or not increase > -1:
            raise LawError(f"constraint: {name} has base loss {base} and increase {increase}; allowed are > 0 and > -1")


def base_losses(fits: LawSet, constraint: Constraint, options: Options) -> dict[str, Floats]:
    """(k,) base loss of each constrained corpus at the size of each option.

    Raises:
        LawError: it is neither given nor measured.
    """
    return {name: _base(fits, name, base, options.params) for name, (base, _) in constraint.items()}


def limits_of(constraint: Constraint, bases: Mapping[str, Floats]) -> dict[str, Floats]:
    """(k,) the largest allowed loss of each constrained corpus, nats."""
    return {name: bases[name] * (1.0 + increase) for name, (_, increase) in constraint.items()}


def overstepped(losses: Mapping[str, Floats], limits: Mapping[str, Floats], count: int) -> Floats:
    """(draws, count): how far the worst limit is overstepped, relative; at or below 0 all hold, -1 without limits."""
    if not limits:
        return np.full((1, count), -1.0)
    return np.asarray(np.max([losses[name] / limit - 1.0 for name, limit in limits.items()], axis=0))


def _base(fits: LawSet, corpus: str, given: float | None, params: Floats) -> Floats:
    if given is not None:
        return np.full(len(params), float(given))
    sizes, where = np.unique(params, return_inverse=True)
    return np.array([fits.base_loss(corpus, float(size)) for size in sizes])[where]
