"""The learning rate over a trial, as a share of its peak: pure functions of the steps done and the steps in all."""

import math

from trainers.spec import Schedule


def warmup_steps(schedule: Schedule, n_steps: int) -> int:
    """How many steps the warm-up takes."""
    return round(schedule.warmup_ratio * n_steps)


def decay(schedule: Schedule, step: float, n_steps: int) -> float:
    """The decay's part of the multiplier after `step` steps: 1 during warm-up, 0 at the end of a full decay.

    `wsd` falls as 1 - sqrt over its last share of steps (Hägele et al. 2024, arXiv:2405.18392, section 3).
    """
    start = warmup_steps(schedule, n_steps)
    if schedule.type == "wsd":
        start = max(start, n_steps - round(schedule.decay_ratio * n_steps))
    if schedule.type == "constant" or step <= start or start >= n_steps:
        return 1.0
    done = min(1.0, (step - start) / (n_steps - start))
    if schedule.type == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1 - done if schedule.type == "linear" else 1 - math.sqrt(done)


def multiplier(schedule: Schedule, step: int, n_steps: int) -> float:
    """Learning rate / peak at step `step` (from 0) of `n_steps`.

    The warm-up's first step already learns and its last has the peak; no step of a decay has the multiplier 0.
    """
    warmup = warmup_steps(schedule, n_steps)
    return (step + 1) / warmup if step < warmup else decay(schedule, step, n_steps)


def lr_area(schedule: Schedule, steps_done: int, n_steps: int, tokens_per_step: int) -> float:
    """Sum over the steps done of learning rate / peak times the tokens of a step, in tokens."""
    return tokens_per_step * math.fsum(multiplier(schedule, step, n_steps) for step in range(steps_done))
