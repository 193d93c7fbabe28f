"""A plan for people and as data."""

from typing import Any

from sweeper.experiment.quantities import format_tokens
from sweeper.pipeline.budget_text import budget_lines
from sweeper.pipeline.costs import Costs
from sweeper.pipeline.plan import Plan, format_seconds
from sweeper.pipeline.prepare import Inputs
from sweeper.pipeline.spending import Spending
from trainers.estimate.wording import DEFAULT_ALLOCATOR


def plan_lines(plan: Plan, inputs: Inputs, costs: Costs, spending: Spending | None = None) -> list[str]:
    """A table of the trials, the corpora, memory and operations, the budget, and the time."""
    lines = [f"{'trials':<16}{'number':>7}{'tokens each':>13}{'there':>7}"]
    lines += [
        f"{phase.name:<16}{phase.trials:>7}{format_tokens(phase.tokens):>13}{phase.done:>7}" for phase in plan.phases
    ]
    lines.append(f"{format_tokens(plan.tokens)} training tokens in all, on {plan.lanes} lanes")
    if inputs.experiment.design == "active":
        lines.append(
            "at most: the active design has more and shorter trials, and ends where none can change the answer"
        )
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
    lines += _cost_lines(costs)
    lines += budget_lines(spending) if spending else []
    source = "measured here before" if plan.speed_measured else "guessed: nothing was measured here yet"
    lines.append(f"about {format_seconds(plan.seconds)} left (speed {source}; pruning makes it shorter)")
    return lines


def _cost_lines(costs: Costs) -> list[str]:
    keeps = "" if costs.gpu else f"; a CPU's C library may keep up to {DEFAULT_ALLOCATOR:g} times as much"
    lines = [f"peak memory of a worker (what tensors hold{keeps}):"]
    for kind in costs.kinds:
        rank = "" if kind.lora_r is None else f" r = {kind.lora_r}"
        peak = "not known" if kind.estimate is None else f"{kind.estimate.peak / 2**20:,.1f} MiB"
        lines.append(f"  {kind.base} {kind.method}{rank}: {peak}")
    lines += [f"  {reason}" for reason in dict.fromkeys(kind.unknown for kind in costs.kinds if kind.unknown)]
    if costs.flops:
        phases = ", ".join(f"{name} {flops:.2g}" for name, flops in costs.flops.items())
        lines.append(f"floating-point operations, at most {costs.total_flops:.2g}: {phases}")
    return lines


def plan_dict(plan: Plan, inputs: Inputs, costs: Costs, spending: Spending | None = None) -> dict[str, Any]:
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
        "memory": [
            {
                "base_model": kind.base,
                "method": kind.method,
                "lora_r": kind.lora_r,
                "estimate": kind.estimate.as_dict() if kind.estimate else None,
                "unknown": kind.unknown,
            }
            for kind in costs.kinds
        ],
        "flops": dict(costs.flops),
        "budget": spending.as_dict() if spending else None,
    }
