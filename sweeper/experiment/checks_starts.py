"""Whether starting points lie in the search space."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sweeper.experiment.checks_space import sound_parameters
from sweeper.experiment.distributions import Categorical, Distribution, Int, Parameter
from sweeper.experiment.names import suggestion
from sweeper.experiment.problems import Path, Problem, listed
from sweeper.experiment.simplex import TOLERANCE

if TYPE_CHECKING:
    from sweeper.experiment.model import Experiment

STEPS_ROUND = 1e-6


def starts(experiment: "Experiment") -> Iterator[Problem]:
    """Every starting point names fields of the space that exist beside each other, and values that they may have."""
    search, parameters = experiment.search, sound_parameters(experiment)
    if parameters is None:
        return  # no space, no point in it; what is wrong with the space is said
    for i, given in enumerate(search.enqueue):
        yield from _point(experiment, ("search", "enqueue", i), given, parameters)
    if len(search.enqueue) > search.trials:
        yield Problem(
            ("search", "trials"), f"{search.trials} does not hold the {len(search.enqueue)} starting points; raise it"
        )


def _point(
    experiment: "Experiment", path: Path, given: Mapping[str, Any], parameters: tuple[Parameter, ...]
) -> Iterator[Problem]:
    known = tuple(dict.fromkeys(parameter.field for parameter in parameters))
    for field, value in given.items():
        here = (*path, field)
        if field not in known:
            yield Problem(here, f"is no field of search.space; {suggestion(field, known)}")
        elif field == "mixture":
            yield from _mixture(experiment, here, value)
        else:
            message = _refused(field, value, given, parameters)
            if message:
                yield Problem(here, message)


def _refused(field: str, value: object, given: Mapping[str, Any], parameters: tuple[Parameter, ...]) -> str | None:
    """Why a field cannot have a value beside the others of a starting point; None where it can."""
    fixed = [parameter for parameter in parameters if parameter.is_fixed]
    values: dict[str, Any] = {
        p.field: p.distribution.choices[0] for p in fixed if isinstance(p.distribution, Categorical)
    }
    values.update(given)
    of_field = [parameter for parameter in parameters if parameter.field == field]
    there = [p for p in of_field if all(values.get(name) in asked for name, asked in p.when.items())]
    if not there:
        conditions = " or ".join(
            " and ".join(f"{name} is {listed(asked)}" for name, asked in p.when.items()) for p in of_field
        )
        return f"is only there where {conditions}; say so in this starting point, or leave {field} out"
    return _outside(value, there[0].distribution)


def _outside(value: object, distribution: Distribution) -> str | None:
    """Why a value does not lie in a distribution."""
    if isinstance(distribution, Categorical):
        same = [x for x in distribution.choices if x == value and isinstance(value, str) == isinstance(x, str)]
        if same and not isinstance(value, bool):
            return None
        return f"{value!r} is not a choice of search.space; known: {listed(distribution.choices)}"
    whole = isinstance(distribution, Int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return f"{value!r} is not allowed; must be a {'whole ' if whole else ''}number"
    number = float(value)
    if not distribution.low <= number <= distribution.high:
        return f"{value!r} is outside of search.space's range from {distribution.low:g} to {distribution.high:g}"
    steps = 0.0 if distribution.step is None else (number - distribution.low) / distribution.step
    if abs(steps - round(steps)) > STEPS_ROUND:
        return f"{value!r} is not low {distribution.low:g} and whole steps of {distribution.step:g}"
    return None


def _mixture(experiment: "Experiment", path: Path, given: object) -> Iterator[Problem]:
    bounds = {name: limits.bounds for name, limits in (experiment.search.space.mixture or {}).items()}
    if not isinstance(given, Mapping) or set(given) != set(bounds):
        yield Problem(path, f"{given!r} is not allowed; give the share of each of {listed(list(bounds))}")
        return
    for name, share in given.items():
        low, high = bounds[name]
        if isinstance(share, bool) or not isinstance(share, int | float) or not math.isfinite(share):
            yield Problem((*path, name), f"{share!r} is not allowed; must be a number")
            return
        if not low - TOLERANCE <= share <= high + TOLERANCE:
            yield Problem((*path, name), f"{share!r} is outside of its bounds from {low:g} to {high:g}")
            return
    total = sum(given.values())
    if abs(total - 1.0) > 1e-6:
        yield Problem(path, f"sums to {total:g}; shares must sum to 1")
