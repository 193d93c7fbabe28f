"""Trials that share their steps before the decay: one trunk at a constant rate, and branches that decay from it.

A trial's steps up to its decay depend on neither its length nor its decay, so that one trunk gives annealed losses at
many token counts for the price of the decays (Hägele et al. 2024, arXiv:2405.18392, section 4).
"""

import hashlib
import json

from trainers.errors import TrainerError
from trainers.schedule import StepSchedule
from trainers.spec import TrialSpec

_AFTERWARDS = {
    "role", "max_tokens", "schedule", "evaluate_at", "evaluation_tokens", "evaluation_share", "evaluation_splits",
}  # fmt: skip
"""Content of a spec that no step before the decay depends on (of the schedule, what matters is added)."""


def steps_of(spec: TrialSpec) -> StepSchedule:
    """A spec's schedule in steps."""
    size = spec.global_batch_size * spec.max_seq_length
    return StepSchedule(spec.schedule, -(-spec.max_tokens // size), size)


def trunk_id(spec: TrialSpec) -> str:
    """Twelve hexadecimal digits over everything that decides the steps before the decay.

    Trials that agree in it have, after equally many steps and before their decays, the same state.
    """
    content = {key: value for key, value in spec.content().items() if key not in _AFTERWARDS}
    content["mixture"] = {name: share for name, share in spec.mixture.items() if share > 0}
    content["corpora"] = {name: content["corpora"].get(name) for name in content["mixture"]}
    content["warmup_steps"] = steps_of(spec).warmup_steps
    content["start_ratio"] = spec.schedule.start_ratio
    payload = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(payload.encode()).hexdigest()[:12]


def branch(trunk: TrialSpec, at_tokens: int, decay_tokens: int) -> TrialSpec:
    """The trial that follows `trunk` for `at_tokens` (rounded up to whole steps) and then decays over `decay_tokens`.

    It decays in the shape and to the lowest rate that the trunk's schedule names, is evaluated at its end, keeps no
    checkpoint of its own and exports nothing.

    Raises:
        TrainerError: the trunk has no folder of kept states, or decays before `at_tokens`.
    """
    if trunk.branch_path is None:
        raise TrainerError("branch_path: the trunk keeps no states to branch from; set branch_path and branch_points")
    steps = steps_of(trunk)
    size, start = steps.tokens_per_step, -(-at_tokens // steps.tokens_per_step)
    if trunk.schedule.type in ("cosine", "linear") or not steps.warmup_steps <= start <= steps.decay_start:
        raise TrainerError(
            f"branch: at {at_tokens:,} tokens the trunk's rate is not constant ({trunk.schedule.type} from "
            f"{steps.warmup_steps * size:,} to {steps.decay_start * size:,} tokens); branch off in between"
        )
    schedule = trunk.schedule.model_dump() | {
        "type": "wsd",
        "warmup_tokens": steps.warmup_steps * size,
        "decay_tokens": decay_tokens,
    }
    changes = {
        "schedule": schedule,
        "max_tokens": start * size + decay_tokens,
        "evaluate_at": (),
        "rungs": (),
        "branch_points": (),
        "checkpoint_path": None,
        "export_path": None,
    }
    return TrialSpec.model_validate(trunk.model_dump() | changes)
