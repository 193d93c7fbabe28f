import math

import pytest

from benchmarks.search_samplers import Course, run, summary
from benchmarks.search_surfaces import TOKENS, Surface
from sweeper.search.proposal import Proposal


def test_a_surface_is_best_at_its_optimum_and_diverges_far_above() -> None:
    surface = Surface.drawn(3)
    valley = surface.valleys["full"]
    assert surface.value(Proposal("full", valley.best * 3, 0.5)) > surface.optimum()
    assert surface.diverged(Proposal("full", valley.best * 40, 0.5))
    assert not surface.diverged(Proposal("full", valley.best, 0.5))


@pytest.mark.parametrize("arm", [("tpe", "sh"), ("random", "none"), ("tpe+penalty", "none")])
def test_an_arm_spends_tokens_and_never_beats_the_optimum(arm: tuple[str, str]) -> None:
    course = run(*arm, seed=1, trials=10, startup=3)
    assert len(course.tokens) == 10 and course.tokens[-1] <= 10 * TOKENS
    assert all(math.isnan(r) or r > -1e-6 for r in course.regrets)
    row = summary([course], 10)
    assert row["regret_10"] == course.regrets[-1] and 0 < row["tokens_10"] <= 1


def test_regret_at_equal_tokens_is_that_of_the_last_trial_that_fits() -> None:
    course = Course([10, 30, 60], [0.3, 0.2, 0.1])
    assert course.at_tokens(30) == course.at_tokens(59) == 0.2
    assert math.isnan(course.at_tokens(5)) and math.isnan(course.at_tokens(61))
