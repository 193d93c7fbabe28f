"""When a training run has gone wrong for good."""

import math

from trainers.errors import TrialFailed

PATIENCE = 5
"""Steps in a row above the limit; one bad batch is no divergence."""


class Divergence:
    """Watches the loss of every step.

    A model that knows nothing loses ln(vocabulary) nats a token; one that stays above three times that is lost.
    """

    def __init__(self, vocabulary: int) -> None:
        self._limit = 3 * math.log(vocabulary)
        self._above = 0

    def observe(self, step: int, loss: float, grad_norm: float) -> None:
        """Look at one step.

        Raises:
            TrialFailed: the loss or the gradient is not finite, or the loss has been beyond the limit for too long.
        """
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            raise TrialFailed("diverged", f"step {step}: loss {loss:g}, gradient norm {grad_norm:g}", repeatable=True)
        self._above = self._above + 1 if loss > self._limit else 0
        if self._above >= PATIENCE:
            reason = f"step {step}: loss {loss:g} after {PATIENCE} steps above {self._limit:.3g} (3 ln vocabulary)"
            raise TrialFailed("diverged", reason, repeatable=True)
