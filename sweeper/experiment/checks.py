"""What must hold between the fields of an experiment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.experiment.grid import grid_points, uncountable
from sweeper.experiment.names import suggestion
from sweeper.experiment.quantities import format_tokens

if TYPE_CHECKING:
    from sweeper.experiment.model import Experiment
    from sweeper.experiment.phases import Search

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing to mend, and where."""

    path: Path
    message: str


def find_problems(experiment: "Experiment") -> list[Problem]:
    """Everything that does not fit together, in the order of the file."""
    checks = (_names, _weights, _pretraining, _schedule, _rates, _ranks, _trials, _steps, _workers)
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
            f"{_listed(experiment.others)}",
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
        yield Problem(
            ("pretraining", "corpora"), f"{_listed(names)} have weight 0; name a corpus with a weight above 0"
        )


def _schedule(experiment: "Experiment") -> Iterator[Problem]:
    trainer, kind = experiment.trainer, experiment.trainer.lr_scheduler_type
    reasons = [
        *(["search prunes on losses in the middle of a trial"] if experiment.search.pruner.name != "none" else []),
        *(["the law is fitted to losses along a trial"] if experiment.law.evaluations > 1 else []),
    ]
    if kind in ("cosine", "linear") and reasons:
        yield Problem(
            ("trainer", "lr_scheduler_type"),
            f"{kind!r} is not allowed here: {' and '.join(reasons)}, and a loss in the middle of a {kind} decay is not "
            "that of a finished run; use 'constant' or 'wsd'",
        )
    if kind == "wsd" and trainer.warmup_ratio + trainer.decay_ratio > 1:
        yield Problem(
            ("trainer", "decay_ratio"),
            f"{trainer.decay_ratio:g} and warmup_ratio {trainer.warmup_ratio:g} sum to more than 1; lower one of them",
        )


def _rates(experiment: "Experiment") -> Iterator[Problem]:
    space = experiment.search.space
    for method in space.methods:
        if space.rates(method) is None:
            yield Problem(
                ("search", "space", "learning_rate", method),
                f"missing, while {method!r} is a choice of search.space.method; add its learning rates, as in "
                f"{method}: {{low: 1.0e-4, high: 1.0e-2}}, or take {method!r} out of the choices",
            )


def _ranks(experiment: "Experiment") -> Iterator[Problem]:
    space = experiment.search.space
    path: Path = ("search", "space", "lora_r")
    if space.adapters and space.lora_r is None:
        yield Problem(
            path,
            f"missing, while {_listed(space.adapters)} is a choice of search.space.method; add the ranks, as in "
            "lora_r: {choices: [8, 16, 32]}",
        )
    if space.lora_r is not None:
        left = [method for method in space.adapters if method not in space.lora_r.when.method]
        if left:
            yield Problem(
                (*path, "when", "method"),
                f"leaves out {_listed(left)}, which needs a rank too; add it, or take it out of search.space.method",
            )


def _trials(experiment: "Experiment") -> Iterator[Problem]:
    search = experiment.search
    if search.trials == 0 and not search.space.is_fixed:
        yield Problem(
            ("search", "trials"),
            f"0 is allowed only where nothing is searched, but {_listed(search.space.searched)} has several values; "
            "fix them in search.space or allow at least 1 trial",
        )
    yield from _pruning(search)
    if search.sampler.name == "grid":
        yield from _grid(search)


def _grid(search: "Search") -> Iterator[Problem]:
    parameters = search.space.parameters()
    ranges = uncountable(parameters)
    if ranges:
        yield Problem(
            ("search", "sampler"),
            f"'grid' tries every value, but {_listed(ranges)} is a range without a step; write {{choices: [...]}}, "
            "give the range a step, or use another sampler",
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


def _steps(experiment: "Experiment") -> Iterator[Problem]:
    step, length = experiment.trainer.tokens_per_step, experiment.trainer.max_seq_length
    budgets: dict[Path, int] = {
        ("search", "max_tokens"): experiment.search.max_tokens,
        ("law", "max_tokens"): experiment.law.max_tokens,
        ("confirm", "tokens"): experiment.confirm.tokens,
    }
    for path, tokens in budgets.items():
        if tokens < step:
            yield Problem(
                path,
                f"{format_tokens(tokens)} is less than one step of {step} tokens (trainer: batch size x accumulation x "
                "length); raise it, or make the step smaller",
            )
    if experiment.evaluation.max_tokens < length:
        yield Problem(
            ("evaluation", "max_tokens"),
            f"{format_tokens(experiment.evaluation.max_tokens)} is less than one sequence of {length} tokens "
            "(trainer.max_seq_length); raise it",
        )


def _workers(experiment: "Experiment") -> Iterator[Problem]:
    workers, batch = experiment.resources.num_workers, experiment.trainer.global_batch_size
    if workers is not None and batch % workers:
        yield Problem(
            ("resources", "num_workers"),
            f"{workers} workers cannot divide the {batch} sequences of a step (trainer: batch size x accumulation) "
            "evenly; use a divisor of it, or change the batch size",
        )


def _unknown_corpus(path: Path, name: str, known: tuple[str, ...]) -> Problem:
    return Problem(path, f"{name!r} is not a corpus of this file; {suggestion(name, known)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
