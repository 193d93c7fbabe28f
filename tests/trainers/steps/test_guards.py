import math

import pytest

from tests.trial_records import corpus_loss
from tests.trial_records import measurement as made_up
from trainers.errors import TrialFailed
from trainers.steps.guards import LONG_PATIENCE, PATIENCE, Guards, require_finite

LN = math.log(100)


def fails(guards: Guards, losses: list[float]) -> tuple[int, str] | None:
    """(the step that ends the trial, why), the losses being those of steps 1, 2, ..."""
    for step, loss in enumerate(losses, start=1):
        try:
            guards.observe(step, loss, 1.0)
        except TrialFailed as failed:
            assert (failed.cause, failed.repeatable) == ("diverged", True)
            return step, failed.reason
    return None


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (2.0, math.nan)])
def test_what_is_not_finite_ends_the_trial_at_once(loss: float, norm: float) -> None:
    with pytest.raises(TrialFailed, match=r"step 7: .*try a lower learning_rate") as failed:
        Guards(100, trained=True).observe(7, loss, norm)
    assert (failed.value.cause, failed.value.repeatable) == ("diverged", True)


def test_a_loss_far_above_ignorance_ends_the_trial_after_a_few_steps() -> None:
    end = fails(Guards(100, trained=False), [LN] + [1.5 * LN + 0.1] * 50)
    assert end is not None
    assert end[0] == 1 + PATIENCE
    assert "loss 7.008 after 5 steps above 6.908, where the trial began at 4.605" in end[1]


def test_a_model_that_has_forgotten_what_it_knew_is_lost() -> None:
    # Begins at 2.5 of ln(49152) = 10.8; held at 6.8, which is worse than half of the way and never above 1.5 ln V.
    guards = Guards(49152, trained=True)
    end = fails(guards, [2.5, 2.4] + [6.8] * 100)
    assert end is not None
    assert end[0] == 2 + LONG_PATIENCE


def test_what_comes_back_is_not_lost() -> None:
    assert fails(Guards(49152, trained=True), [2.5] + ([9.0] * (LONG_PATIENCE - 1) + [3.0]) * 3) is None
    assert fails(Guards(100, trained=False), [LN] + ([8.0] * (PATIENCE - 1) + [LN]) * 9) is None


def test_harder_text_than_at_the_first_step_is_no_alarm() -> None:
    assert fails(Guards(4096, trained=True), [1.5] + [3.4] * 100) is None


def test_a_model_that_learns_nothing_goes_on() -> None:
    assert fails(Guards(100, trained=False), [LN, LN + 0.3] * 60) is None


def test_a_resumed_trial_is_held_against_what_it_first_shows() -> None:
    guards = Guards(49152, trained=False)
    with pytest.raises(TrialFailed, match="where the trial began at 3"):
        for step in range(500, 600):
            guards.observe(step, 3.0 if step == 500 else 7.5, 1.0)


@pytest.mark.parametrize(
    ("trained", "loss", "norm", "message"),
    [
        (True, math.nan, 1.0, "before any update this is no divergence"),
        (True, 2.0, math.inf, "before any update this is no divergence"),
        (True, 0.0, 1.0, "loss 0, gradient norm 1: no text is predicted without loss"),
        (True, 2.0, 0.0, "nothing would train"),
        (True, LN + 6.1, 1.0, "another model's tokeniser"),
        (False, LN + 3.1, 1.0, r"random weights should begin near 4.605 \(ln vocabulary\)"),
        (False, LN - 1.1, 1.0, "random weights should begin near"),
    ],
)
def test_a_first_step_unlike_the_model_is_an_error(trained: bool, loss: float, norm: float, message: str) -> None:
    with pytest.raises(TrialFailed, match=f"step 1: .*{message}") as failed:
        Guards(100, trained).observe(1, loss, norm)
    assert (failed.value.cause, failed.value.repeatable) == ("error", True)


@pytest.mark.parametrize(("trained", "loss"), [(True, 0.01), (True, LN + 5.9), (False, LN - 0.9), (False, LN + 2.9)])
def test_a_first_step_like_the_model_is_no_alarm(trained: bool, loss: float) -> None:
    Guards(100, trained).observe(1, loss, 1e-3)


def test_later_steps_are_not_held_against_the_first_steps_level() -> None:
    Guards(100, trained=False).observe(2, 0.3, 1.0)


def test_a_held_out_loss_that_is_no_number_ends_the_trial() -> None:
    good = made_up(1024, 3.0, 4.0)
    require_finite(good)
    bad = good.model_copy(update={"losses": (*good.losses, corpus_loss("law", [(math.nan, 10), (3.0, 10)]))})
    with pytest.raises(TrialFailed, match=r"evaluation after step 1: the loss of law \(valid\) is nan"):
        require_finite(bad)
