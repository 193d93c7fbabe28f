"""When a trial does what, in whole steps. Free of torch, so that the driver reads the same timetable."""

from dataclasses import dataclass

from trainers.errors import TrainerError
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
        return Timetable(size, n_steps, tuple(sorted(evaluations)), tuple(sorted(_steps(t, size) for t in spec.rungs)))

    def tokens(self, steps: int) -> int:
        """Training tokens after `steps` steps, as a `Measurement` gives them."""
        return steps * self.tokens_per_step

    def steps(self, tokens: int) -> int:
        """The steps that reach `tokens`."""
        return _steps(tokens, self.tokens_per_step)


def _steps(tokens: int, tokens_per_step: int) -> int:
    return -(-tokens // tokens_per_step)
