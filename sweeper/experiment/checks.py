"""What must hold between the fields of an experiment."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweeper.experiment.checks_lanes import lanes
from sweeper.experiment.checks_space import base_models, conditions, mixture, ranks, rates, sound_parameters
from sweeper.experiment.checks_starts import starts
from sweeper.experiment.checks_trainer import schedule, steps, warmup, workers
from sweeper.experiment.distributions import Parameter
from sweeper.experiment.grid import MOST_POINTS, grid_points, most_points, uncountable
from sweeper.experiment.names import suggestion
from sweeper.experiment.problems import Path, Problem, listed

if TYPE_CHECKING:
    from sweeper.experiment.model import Experiment
    from sweeper.experiment.phases import Search


def find_problems(experiment: "Experiment") -> list[Problem]:
    """Everything that does not fit together, in the order of the file."""
    checks = (
        *(_names, _weights, _pretraining, schedule, warmup, rates, ranks, base_models, mixture, conditions),
        *(starts, _trials, _active, steps, workers, lanes),
    )
    return [found for check in checks for found in check(experiment)]


def _names(experiment: "Experiment") -> Iterator[Problem]:
    known = tuple(experiment.corpora)
    if experiment.target not in known:
        yield _unknown_corpus(("target",), experiment.target, known)
    limited = experiment.constraint.corpus
    if limited not in known:
        yield _unknown_corpus(("constraint", "corpus"), limited, experiment.others)
    elif limited == experiment.target:
        yield Problem(
            ("constraint", "corpus"),
            f"{limited!r} is the target, whose loss falls anyway; name a corpus not to forget: "
            f"{listed(experiment.others)}",
        )
    elif not experiment.corpora[limited].weight:
        yield Problem(
            ("constraint", "corpus"),
            f"{limited!r} has weight 0: it is in no mixture, so no law can say what a mixture does to it; name a "
            "corpus with a weight above 0",
        )


def _weights(experiment: "Experiment") -> Iterator[Problem]:
    if experiment.others and not any(experiment.corpora[name].weight for name in experiment.others):
        yield Problem(
            ("corpora",),
            "every corpus beside the target has weight 0, so nothing can be mixed in; give one a weight above 0",
        )


def _pretraining(experiment: "Experiment") -> Iterator[Problem]:
    names = experiment.pretraining.corpora
    for i, name in enumerate(names):
        if name not in experiment.corpora and not name.startswith("builtin:"):
            yield _unknown_corpus(("pretraining", "corpora", i), name, tuple(experiment.corpora))
    if names and all(name in experiment.corpora and not experiment.corpora[name].weight for name in names):
        yield Problem(("pretraining", "corpora"), f"{listed(names)} have weight 0; name a corpus with a weight above 0")


def _trials(experiment: "Experiment") -> Iterator[Problem]:
    search = experiment.search
    if search.trials == 0 and not search.space.is_fixed:
        yield Problem(
            ("search", "trials"),
            f"0 is allowed only where nothing is searched, but {listed(search.space.searched)} has several values; "
            "fix them in search.space or allow at least 1 trial",
        )
    yield from _pruning(search)
    if search.sampler.name == "grid":
        yield from _grid(search, sound_parameters(experiment) or ())


def _grid(search: "Search", parameters: tuple[Parameter, ...]) -> Iterator[Problem]:
    ranges = uncountable(parameters)
    if ranges:
        yield Problem(
            ("search", "sampler"),
            f"'grid' tries every value, but {listed(ranges)} is a range without a step; write {{choices: [...]}}, "
            "give the range a step, or use another sampler",
        )
    elif most_points(parameters) > MOST_POINTS:
        yield Problem(
            ("search", "sampler"),
            f"'grid' tries every value, but search.space has up to {most_points(parameters):,}; fix some, or use "
            "another sampler",
        )
    elif search.trials != (points := len(grid_points(parameters))):
        yield Problem(
            ("search", "trials"),
            f"{search.trials}, but the grid of search.space has {points} points; write {points}, or change the space",
        )
    if search.enqueue:
        yield Problem(("search", "enqueue"), "is not allowed with 'grid', which tries every point; take it out")


def _pruning(search: "Search") -> Iterator[Problem]:
    pruner = search.pruner.name
    if pruner != "none" and not search.rungs:
        yield Problem(("search", "rungs"), f"is empty, but the pruner {pruner!r} needs one; add 0.5 or use 'none'")
    if pruner != "none" and len(search.objectives) > 1:
        yield Problem(
            ("search", "pruner"),
            f"{pruner!r} compares trials by one number at a rung, but search.objectives names "
            f"{len(search.objectives)}; write pruner: none, or keep one objective",
        )


def _active(experiment: "Experiment") -> Iterator[Problem]:
    search = experiment.search
    if experiment.design != "active":
        return
    if len(search.objectives) > 1:
        yield Problem(
            ("design",),
            f"'active' weighs runs by one objective, but search.objectives names {len(search.objectives)}; use "
            "'fixed', or keep one objective",
        )
    if not search.rungs:
        yield Problem(
            ("search", "rungs"),
            "is empty, but the active design weighs trials there; add some, as in [0.125, 0.25, 0.5]",
        )
    if search.sampler.name == "grid":
        yield Problem(
            ("search", "sampler"), "'grid' tries every point, but the active design chooses them; use design: fixed"
        )


def _unknown_corpus(path: Path, name: str, known: tuple[str, ...]) -> Problem:
    return Problem(path, f"{name!r} is not a corpus of this file; {suggestion(name, known)}")
