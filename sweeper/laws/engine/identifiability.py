"""Which parameters the data determine, and which only the priors and bounds do.

Parameters are measured in what was thought possible before the data: the prior's standard deviation or the bounds'
width. In these units the prior knows each direction with precision 1; an eigenvalue of the data's information is how
much more the data know of that direction. Below 1 they say less than was assumed.
"""

from dataclasses import dataclass

import numpy as np

from sweeper.laws.arrays import Floats
from sweeper.laws.engine.objective import Problem
from sweeper.laws.engine.sandwich import Curvature
from sweeper.laws.forms.law import Space

_UNDETERMINED = 0.5
"""Spread left after the data, over the spread before, from which a parameter counts as undetermined."""
_PART = 0.3
"""Weight in a direction from which a parameter is named."""
_OFTEN = 0.5
"""Part of the resamples at a bound from which that is said."""


@dataclass(frozen=True)
class Direction:
    """Parameters that may change together without the data noticing."""

    names: tuple[str, ...]
    precision: float
    """What the data know of it, over what was assumed; below 1."""


@dataclass(frozen=True)
class Identifiability:
    """What the data leave open."""

    spread: dict[str, float]
    """By parameter: what the data leave of the spread that was thought possible, 0 to 1."""
    undetermined: tuple[str, ...]
    """Parameters that keep half of it or more, or that most resamples put on a bound."""
    fixed: tuple[str, ...]
    """Parameters that are held by the form of the data, not fitted."""
    directions: tuple[Direction, ...]
    words: tuple[str, ...]
    """The same as sentences; empty where every parameter is determined."""


def identifiability(problem: Problem, curvature: Curvature, samples: Floats) -> Identifiability:
    """What the data leave open about a fit.

    Args:
        problem: The law and the data.
        curvature: At the fit.
        samples: (bootstrap, p), may be empty.
    """
    law, space = problem.law, problem.law.space()
    names, scale = np.array(law.names), _scale(space)
    fitted = scale > 0
    information = (curvature.information / curvature.dispersion) * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(information[np.ix_(fitted, fitted)])
    left = np.sqrt(np.sum(vectors**2 / (1.0 + np.maximum(values, 0.0)), axis=1))
    spread = dict(zip(names[fitted].tolist(), left.tolist(), strict=True))
    edges = _at_bounds(space, samples)
    stuck = {str(name): part for name, part in zip(names, edges, strict=True) if part > _OFTEN and name in spread}
    directions = _directions(names[fitted], values, vectors)
    undetermined = tuple(name for name, part in spread.items() if part > _UNDETERMINED or name in stuck)
    fixed = tuple(names[~fitted].tolist())
    return Identifiability(spread, undetermined, fixed, directions, _words(undetermined, stuck, directions))


def _scale(space: Space) -> Floats:
    """(p,) spread thought possible; 0 for a parameter that is held."""
    return np.asarray(np.minimum(space.prior_sd, (space.upper - space.lower) / np.sqrt(12.0)))


def _at_bounds(space: Space, samples: Floats) -> Floats:
    """(p,) part of the samples on a bound."""
    if len(samples) == 0:
        return np.zeros(len(space.lower))
    return np.asarray(np.mean((samples <= space.lower) | (samples >= space.upper), axis=0))


def _directions(
    names: "np.ndarray[tuple[int], np.dtype[np.str_]]", values: Floats, vectors: Floats
) -> tuple[Direction, ...]:
    found = []
    for precision, vector in zip(values, vectors.T, strict=True):
        if precision < 1.0:
            strong = np.abs(vector) > _PART
            order = np.argsort(-np.abs(vector[strong]))
            found.append(Direction(tuple(names[strong][order].tolist()), max(float(precision), 0.0)))
    return tuple(found)


def _words(
    undetermined: tuple[str, ...], stuck: dict[str, float], directions: tuple[Direction, ...]
) -> tuple[str, ...]:
    words = []
    for name in undetermined:
        if name in stuck:
            words.append(
                f"{_plain(name)} is on a bound in {stuck[name]:.0%} of the resamples: the data do not hold it."
            )
    loose = [name for name in undetermined if name not in stuck]
    if loose:
        words.append(f"The data hardly determine {_listed(loose)}: what was assumed beforehand does.")
    for direction in directions:
        if len(direction.names) > 1:
            words.append(
                f"{_listed(direction.names)} can change together without the data noticing: read predictions, not "
                "these numbers."
            )
    return tuple(dict.fromkeys(words))


def _listed(names: tuple[str, ...] | list[str]) -> str:
    plain = [_plain(name) for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} and {plain[-1]}"


def _plain(name: str) -> str:
    """A parameter's name without the mark that its logarithm is fitted."""
    return name.removeprefix("ln_")
