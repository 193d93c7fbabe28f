"""What a spec asks for that does not go together: refused when the spec is read, before anything is spent."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainers.schedule import StepSchedule

if TYPE_CHECKING:
    from trainers.spec import TrialSpec


def objections(spec: "TrialSpec") -> list[str]:
    """Every reason why a spec cannot be trained as it stands, whatever the device; empty where it can."""
    return [*_data(spec), *_method(spec), *_schedule(spec), *_sharding(spec), *_branches(spec)]


def _data(spec: "TrialSpec") -> Iterator[str]:
    names = [corpus.name for corpus in spec.corpora]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"corpora: {name} is there more than once; give each a name of its own"


def _method(spec: "TrialSpec") -> Iterator[str]:
    if (spec.method == "full") != (spec.lora is None):
        wanted = "no lora section" if spec.method == "full" else "a lora section"
        yield f"lora: the method {spec.method} takes {wanted}"
    if (spec.model.path is None) == (spec.model.config is None):
        yield f"model: {spec.model.name} needs either path or config, and not both"
    elif spec.model.path is None and spec.method != "full":
        yield (
            f"method: {spec.method} adapts trained weights, but {spec.model.name} is initialised at random; use full"
        )


def _schedule(spec: "TrialSpec") -> Iterator[str]:
    schedule, tokens = spec.schedule, spec.max_tokens
    warmup = schedule.warmup_ratio * tokens if schedule.warmup_tokens is None else schedule.warmup_tokens
    decay = 0.0
    if schedule.type == "wsd":
        decay = schedule.decay_ratio * tokens if schedule.decay_tokens is None else schedule.decay_tokens
    elif schedule.decay_tokens is not None:
        yield f"schedule: decay_tokens belongs to wsd, not to {schedule.type}; leave it out or use wsd"
    if tokens and warmup + decay > tokens * (1 + 1e-9):
        yield (
            f"schedule: a warm-up of {warmup:,.0f} and a decay of {decay:,.0f} tokens do not fit into max_tokens "
            f"{tokens:,}; shorten them"
        )
    if tokens and schedule.start_ratio > 0 and warmup == 0:
        yield f"schedule: start_ratio {schedule.start_ratio:g} is where a warm-up begins, but there is none; add one"
    if schedule.min_ratio > 0 and schedule.type == "constant":
        yield f"schedule: min_ratio {schedule.min_ratio:g} is where a decay ends, but a constant rate has none"


def _sharding(spec: "TrialSpec") -> Iterator[str]:
    if spec.parallel == "fsdp" and spec.optimizer != "adamw":
        yield (
            f"optimizer: bitsandbytes' {spec.optimizer} cannot keep its state for sharded parameters (parallel: fsdp); "
            "use adamw, or parallel: ddp"
        )


def _branches(spec: "TrialSpec") -> Iterator[str]:
    if not spec.branch_points:
        return
    if spec.branch_path is None:
        yield "branch_points: states to branch from need a folder; set branch_path"
    size, last = spec.global_batch_size * spec.max_seq_length, max(spec.branch_points)
    start = StepSchedule(spec.schedule, -(-spec.max_tokens // size), size).decay_start
    if spec.schedule.type in ("cosine", "linear"):
        yield (
            f"branch_points: a {spec.schedule.type} schedule decays from the start, so nothing can branch off; "
            "use constant or wsd"
        )
    elif min(spec.branch_points) < 1:
        yield f"branch_points: {min(spec.branch_points)} keeps nothing that is not there already; use 1 or more"
    elif last > spec.max_tokens:
        yield f"branch_points: {last:,} lies behind max_tokens {spec.max_tokens:,}; leave it out"
    elif -(-last // size) > start:
        yield f"branch_points: at {last:,} the decay, which begins at {start * size:,}, is under way; leave it out"
