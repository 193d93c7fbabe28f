"""A plan for people and as data."""

from typing import Any

from sweeper.experiment.quantities import format_tokens
from sweeper.pipeline.plan import Plan, format_seconds
from sweeper.pipeline.prepare import Inputs


def plan_lines(plan: Plan, inputs: Inputs) -> list[str]:
    """A table of the trials, the corpora, and the time."""
    lines = [f"{'trials':<16}{'number':>7}{'tokens each':>13}{'there':>7}"]
    lines += [
        f"{phase.name:<16}{phase.trials:>7}{format_tokens(phase.tokens):>13}{phase.done:>7}" for phase in plan.phases
    ]
    lines.append(f"{format_tokens(plan.tokens)} training tokens in all, on {plan.lanes} lanes")
    for corpus in inputs.found.values():
        if corpus.prepared is None:
            size = f", about {corpus.estimated_bytes / 1e6:.1f} MB of text" if corpus.estimated_bytes else ""
            lines.append(f"{corpus.name}: to be packed{size}")
        else:
            epochs = f", at most {plan.epochs[corpus.name]:.2f} epochs a trial" if corpus.name in plan.epochs else ""
            lines.append(f"{corpus.name}: packed, {corpus.prepared.counts['train'].tokens:,} training tokens{epochs}")
    lines += [
        f"{base.name}: {base.params:,} parameters" if base.params else f"{base.name}: size not known before loading"
        for base in inputs.bases
    ]
    source = "measured here before" if plan.speed_measured else "guessed: nothing was measured here yet"
    lines.append(f"about {format_seconds(plan.seconds)} left (speed {source}; pruning makes it shorter)")
    return lines


def plan_dict(plan: Plan, inputs: Inputs) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "trials": [{"purpose": p.name, "number": p.trials, "tokens": p.tokens, "there": p.done} for p in plan.phases],
        "tokens": plan.tokens,
        "lanes": plan.lanes,
        "seconds": round(plan.seconds, 1),
        "speed_measured": plan.speed_measured,
        "epochs": plan.epochs,
        "corpora": {corpus.name: corpus.prepared is not None for corpus in inputs.found.values()},
        "base_models": {base.name: base.params for base in inputs.bases},
    }
