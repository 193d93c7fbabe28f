"""What the comparison of start-up times counts."""

import pytest

from benchmarks.tiny_trials import Stamps
from benchmarks.trial_overhead import Outcome, Phase, compare, startups


def _stamps(**firsts: float) -> dict[str, Stamps]:
    return {trial: Stamps(trial, first - 0.25, first, first + 1) for trial, first in firsts.items()}


def test_a_trial_waits_from_the_phase_begin_or_from_the_end_that_freed_its_slot() -> None:
    phase = Phase(began=100.0, ended={"a": 120.0, "b": 112.0, "c": 125.0, "d": 130.0})
    stamps = _stamps(a=107.0, b=105.0, c=113.0, d=120.5)
    # b and a begin with the phase; c takes b's slot at 112, d takes a's at 120.
    assert startups([phase], stamps) == [5.0, 7.0, 1.0, 0.5]


def test_each_phase_begins_with_free_slots() -> None:
    phases = [Phase(10.0, {"a": 14.0, "b": 15.0}), Phase(30.0, {"c": 34.0, "d": 35.0})]
    assert startups(phases, _stamps(a=11.0, b=12.0, c=33.0, d=34.0)) == [1.0, 2.0, 3.0, 4.0]


def test_ratios_are_documented_over_ours() -> None:
    ours = Outcome(startups=[8.0, 8.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], total=10.0)
    theirs = Outcome(startups=[10.0] * 8, total=40.0)
    case = compare(2, {"lanes": [ours], "documented": [theirs]})
    assert case["start_ratio"] == 20.0
    assert case["start_ratio_90"] == [20.0, 20.0]  # every later trial took the same time
    assert case["start_ratio_mean"] == pytest.approx(80 / 19, abs=0.01)
    assert case["total_ratio"] == 4.0
