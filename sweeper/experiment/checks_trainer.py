"""What must hold between the recipe, what is searched of it, and the budgets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sweeper.experiment.distributions import Categorical, Int, Value
from sweeper.experiment.messages import dotted
from sweeper.experiment.problems import Path, Problem
from sweeper.experiment.quantities import format_tokens

if TYPE_CHECKING:
    from sweeper.experiment.model import Experiment


def schedule(experiment: "Experiment") -> Iterator[Problem]:
    """A decaying schedule only where losses in the middle of a trial decide nothing."""
    kinds, field = _values(experiment, "lr_scheduler_type")
    active = experiment.design == "active"
    prunes = experiment.search.pruner.name != "none" and not active
    reasons = [
        *(["the active design leaves trials by losses in the middle of them"] if active else []),
        *(["search prunes on losses in the middle of a trial"] if prunes else []),
        *(["the law is fitted to losses along a trial"] if experiment.law.evaluations > 1 else []),
    ]
    for kind in kinds:
        if kind in ("cosine", "linear") and reasons:
            yield Problem(
                field,
                f"{kind!r} is not allowed here: {' and '.join(reasons)}, and a loss in the middle of a {kind} decay is "
                "not that of a finished run; use 'constant' or 'wsd'",
            )


def warmup(experiment: "Experiment") -> Iterator[Problem]:
    """What trials would refuse of warm-up and decay."""
    trainer = experiment.trainer
    (kinds, _), (warmups, field) = _values(experiment, "lr_scheduler_type"), _values(experiment, "warmup_ratio")
    longest, name = max(map(float, warmups)), "warmup_ratio" if field[0] == "trainer" else dotted(field)
    if "wsd" in kinds and longest + trainer.decay_ratio > 1 + 1e-9:
        yield Problem(
            ("trainer", "decay_ratio"),
            f"{trainer.decay_ratio:g} and {name} {longest:g} sum to more than 1; lower one of them",
        )
    if trainer.warmup_start_ratio > 0 and longest == 0:
        yield Problem(
            ("trainer", "warmup_start_ratio"),
            f"{trainer.warmup_start_ratio:g} is where a warm-up begins, but {dotted(field)} is 0; raise it, or leave "
            "warmup_start_ratio out",
        )
    if trainer.min_lr_ratio > 0 and set(kinds) == {"constant"}:
        yield Problem(
            ("trainer", "min_lr_ratio"),
            f"{trainer.min_lr_ratio:g} is where a decay ends, but a constant rate has none; leave it out, or use 'wsd'",
        )
    if trainer.parallel == "fsdp" and trainer.optimizer != "adamw":
        yield Problem(
            ("trainer", "optimizer"),
            f"bitsandbytes' {trainer.optimizer!r} cannot keep its state for sharded parameters (parallel: fsdp); use "
            "'adamw', or parallel: ddp",
        )


def _values(experiment: "Experiment", name: str) -> tuple[tuple[Value, ...], Path]:
    """What trials may have of a field of `trainer` that may be searched (of a range its ends), and where it is said."""
    searched, given = experiment.search.space.form(name), getattr(experiment.trainer, name)
    if searched is None:
        return (given,), ("trainer", name)
    distribution = searched.distribution()
    ends = distribution.choices if isinstance(distribution, Categorical) else (distribution.low, distribution.high)
    return (*ends, given) if searched.when else ends, ("search", "space", name)


def steps(experiment: "Experiment") -> Iterator[Problem]:
    """Every budget holds a step of the largest batch, every evaluation a sequence."""
    length = experiment.trainer.max_seq_length
    step = length * max(map(int, _values(experiment, "global_batch_size")[0]))
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


def workers(experiment: "Experiment") -> Iterator[Problem]:
    """Workers divide every batch that trials may have."""
    count, (batches, field) = experiment.resources.num_workers, _values(experiment, "global_batch_size")
    if count is None:
        return
    form = experiment.search.space.global_batch_size
    spread = None if form is None else form.distribution()
    steps = [spread.step or 1] if isinstance(spread, Int) else []
    wrong = [batch for batch in batches if int(batch) % count]
    if wrong:
        source = dotted(field) if form else "trainer: batch size x accumulation"
        yield Problem(
            ("resources", "num_workers"),
            f"{count} workers cannot divide the {wrong[0]} sequences of a step ({source}) evenly; use a divisor of "
            "it, or change the batch size",
        )
    elif any(step % count for step in steps):
        yield Problem(
            ("search", "space", "global_batch_size"),
            f"holds batches that {count} workers (resources.num_workers) cannot divide evenly; write step: {count} "
            "and log: false, or choices",
        )
