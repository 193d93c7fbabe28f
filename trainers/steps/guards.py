"""What must be true of a trial's steps: the first is what the model should give, and none loses what was learnt."""

import math
from dataclasses import dataclass

from trainers.errors import TrialFailed
from trainers.messages import Measurement

WORSE_THAN_NOTHING, PATIENCE = 1.5, 5
"""A loss of this many times ln(vocabulary), which is what a model loses that knows nothing, for so many steps in a row:
one bad batch is no divergence, and a first overshoot at a high rate comes back from less."""
FORGOTTEN, LONG_PATIENCE = 2.0, 20
"""Nats by which a loss lies above the trial's first for so many steps in a row, or half of the way from there to
ln(vocabulary) where that is more: such a run has forgotten what it began with. Batches of other text differ by less."""
RANDOM_BELOW, RANDOM_ABOVE = 1.0, 3.0
"""How far the first loss of a random model may lie from ln(vocabulary): above it by half the variance of its logits,
1.6 nats for the widest models' usual initialisation."""
TRAINED_ABOVE = 6.0
"""How far above ln(vocabulary) a trained model may begin. One that is sure of another language is far from it: a small
one of prose was 4.3 above on program text. Beyond this its weights or its tokens are not what they should be."""


@dataclass
class _Streak:
    """Counts steps in a row above a limit."""

    limit: float
    patience: int
    steps: int = 0

    def passed(self, loss: float) -> bool:
        self.steps = self.steps + 1 if loss > self.limit else 0
        return self.steps >= self.patience


class Guards:
    """Watches the loss and the gradient of every step.

    Args:
        vocabulary: of the model.
        trained: whether the trial starts from a checkpoint; otherwise from random weights.
    """

    def __init__(self, vocabulary: int, trained: bool) -> None:
        self._ignorant, self._trained = math.log(vocabulary), trained
        self._streaks: list[_Streak] | None = None
        self._began = math.nan

    def observe(self, step: int, loss: float, grad_norm: float) -> None:
        """Look at one step, counted from 1.

        Raises:
            TrialFailed: the first step is not what the model should give, a number is not finite, or the loss has been
                beyond a limit for too long.
        """
        if step == 1:
            self._check_first(loss, grad_norm)
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            raise _diverged(f"step {step}: loss {loss:g}, gradient norm {grad_norm:g}")
        if self._streaks is None:
            self._streaks, self._began = self._limits(loss), loss
        for streak in self._streaks:
            if streak.passed(loss):
                raise _diverged(
                    f"step {step}: loss {loss:.4g} after {streak.patience} steps above {streak.limit:.4g}, where the "
                    f"trial began at {self._began:.4g} and a model that knows nothing has {self._ignorant:.4g}"
                )

    def _limits(self, first: float) -> list[_Streak]:
        """What later losses are held against, from the first that is seen."""
        nothing = WORSE_THAN_NOTHING * max(self._ignorant, first)
        forgotten = first + max(FORGOTTEN, (self._ignorant - first) / 2)
        return [_Streak(nothing, PATIENCE), _Streak(forgotten, LONG_PATIENCE)]

    def _check_first(self, loss: float, grad_norm: float) -> None:
        numbers = f"step 1: loss {loss:.4g}, gradient norm {grad_norm:.4g}"
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            raise _broken(
                f"{numbers}: before any update this is no divergence; the weights hold a number that is not finite or "
                "the precision overflows: check the checkpoint, or try precision: fp32"
            )
        if loss <= 0:
            raise _broken(
                f"{numbers}: no text is predicted without loss; the weights are not what they should be (4-bit weights "
                "sharded in a storage type that casting destroys do this): try parallel: ddp, or method: lora"
            )
        if grad_norm == 0:
            raise _broken(
                f"{numbers}: nothing would train; the loss does not reach the trainable parameters: check "
                "lora.target_modules"
            )
        self._check_level(loss, numbers)

    def _check_level(self, loss: float, numbers: str) -> None:
        known = f"{self._ignorant:.4g} (ln vocabulary)"
        if self._trained and loss > self._ignorant + TRAINED_ABOVE:
            raise _broken(
                f"{numbers}: a trained model should not begin far above {known}; the corpora may be packed with "
                "another model's tokeniser: prepare them again with this one's, or check the checkpoint"
            )
        if not self._trained and not -RANDOM_BELOW <= loss - self._ignorant <= RANDOM_ABOVE:
            raise _broken(
                f"{numbers}: random weights should begin near {known}; check the model's configuration "
                "(initializer_range, vocab_size) and that the corpora are packed with its tokeniser"
            )


def require_finite(measurement: Measurement) -> None:
    """Stop where a held-out loss is not a number.

    Raises:
        TrialFailed: it is not finite.
    """
    for measured in measurement.losses:
        if not math.isfinite(measured.nll):
            numbers = (
                f"evaluation after step {measurement.step}: the loss of {measured.corpus} ({measured.split}) is "
                f"{measured.loss:g}"
            )
            raise _diverged(numbers) if measurement.step else _broken(f"{numbers}; check the model's checkpoint")


def _diverged(reason: str) -> TrialFailed:
    return TrialFailed("diverged", f"{reason}; try a lower learning_rate or a longer warm-up", repeatable=True)


def _broken(reason: str) -> TrialFailed:
    return TrialFailed("error", reason, repeatable=True)
