import math

import pytest

from trainers.divergence import PATIENCE, Divergence
from trainers.errors import TrialFailed

LIMIT = 3 * math.log(100)


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (2.0, math.nan)])
def test_what_is_not_finite_ends_the_trial_at_once(loss: float, norm: float) -> None:
    with pytest.raises(TrialFailed) as failed:
        Divergence(100).observe(7, loss, norm)
    assert (failed.value.cause, failed.value.repeatable) == ("diverged", True)
    assert "step 7" in failed.value.reason


def test_a_loss_that_stays_above_the_limit_ends_the_trial() -> None:
    watch = Divergence(100)
    for step in range(PATIENCE - 1):
        watch.observe(step, LIMIT + 0.1, 1.0)
    with pytest.raises(TrialFailed):
        watch.observe(PATIENCE, LIMIT + 0.1, 1.0)


def test_single_spikes_and_an_untrained_model_go_on() -> None:
    watch = Divergence(100)
    for step in range(4 * PATIENCE):
        watch.observe(step, LIMIT + 1 if step % PATIENCE else math.log(100), 1.0)
