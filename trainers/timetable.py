"""When a trial does what, in whole steps. Free of torch, so that the driver reads the same timetable."""

from dataclasses import dataclass

from trainers.errors import TrainerError
from trainers.schedule import StepSchedule
from trainers.spec import TrialSpec


@dataclass(frozen=True)
class Timetable:
    """A trial in steps.

    Raises:
        TrainerError: an evaluation lies behind the end, or a rung is no evaluation.
    """

    tokens_per_step: int
    n_steps: int
    evaluations: tuple[int, ...]
    """Steps after which every corpus is evaluated, rising; the last is `n_steps`."""
    rungs: tuple[int, ...]
    """Those of `evaluations` whose verdict the driver decides."""
    schedule: StepSchedule
    branch_points: tuple[int, ...] = ()
    """Steps after which the whole state is kept for branches, rising."""

    @staticmethod
    def of(spec: TrialSpec) -> "Timetable":
        """The timetable of a spec; tokens are rounded up to whole steps."""
        size = spec.global_batch_size * spec.max_seq_length
        n_steps = _steps(spec.max_tokens, size)
        evaluations = {_steps(tokens, size) for tokens in spec.evaluate_at} | {n_steps}
        if max(evaluations) > n_steps:
            raise TrainerError(
                f"evaluate_at: {max(spec.evaluate_at)} tokens lie behind the end of the trial "
                f"(max_tokens: {spec.max_tokens}); leave it out or raise max_tokens"
            )
        strange = sorted(set(spec.rungs) - set(spec.evaluate_at))
        if strange:
            raise TrainerError(f"rungs: {strange} are not in evaluate_at {list(spec.evaluate_at)}; add them there")
        return Timetable(
            tokens_per_step=size,
            n_steps=n_steps,
            evaluations=tuple(sorted(evaluations)),
            rungs=_rising(spec.rungs, size),
            schedule=StepSchedule(spec.schedule, n_steps, size),
            branch_points=_rising(spec.branch_points, size),
        )

    def tokens(self, steps: int) -> int:
        """Training tokens after `steps` steps, as a `Measurement` gives them."""
        return steps * self.tokens_per_step

    def steps(self, tokens: int) -> int:
        """The steps that reach `tokens`."""
        return _steps(tokens, self.tokens_per_step)


def _steps(tokens: int, tokens_per_step: int) -> int:
    return -(-tokens // tokens_per_step)


def _rising(tokens: tuple[int, ...], tokens_per_step: int) -> tuple[int, ...]:
    return tuple(sorted({_steps(t, tokens_per_step) for t in tokens}))
