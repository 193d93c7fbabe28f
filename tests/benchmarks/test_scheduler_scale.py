"""What `scheduler_scale` counts, and one tiny run of it."""

from pathlib import Path

import pytest

from benchmarks.scheduler_scale import Vitals, growth, idle_times, latency, measure, usage
from benchmarks.simulated_lanes import Turn, measured
from benchmarks.simulated_search import spec_of
from sweeper.search.proposal import Proposal


def turn(lane: str, began: float, ended: float) -> Turn:
    return Turn(lane, f"{lane}{began}", began, ended)


TURNS = [turn("a", 0, 10), turn("b", 1, 5), turn("b", 5.5, 8), turn("a", 10.25, 12), turn("b", 9, 20)]


def test_a_lane_is_idle_from_the_end_of_a_trial_to_the_start_of_its_next() -> None:
    assert sorted(idle_times(TURNS)) == [0.25, 0.5, 1.0]


def test_latency_counts_trials_lanes_and_waits() -> None:
    found = latency(TURNS)
    assert (found["idle_to_start_p50_s"], found["idle_to_start_max_s"], found["idle_to_start_n"]) == (0.5, 1.0, 3)
    assert (found["trials_per_second"], found["lanes_busy"]) == (0.25, round((10 + 4 + 2.5 + 1.75 + 11) / 20, 1))


def test_usage_is_cpu_over_wall_clock_and_memory_at_a_tenth_and_at_the_end() -> None:
    mib = 2**20
    rows = [(101.0, 5.2, 100 * mib, 0), (102.0, 5.6, 200 * mib, 2), (110.0, 8.0, 210 * mib, 20)]
    found = usage(Vitals(started=100.0, cpu_started=5.0, rows=rows, machine=[1.0, 2.0]), trials=20)
    assert (found["driver_cores"], found["memory_tenth_mib"], found["memory_end_mib"]) == (0.3, 200, 210)
    assert found["machine_cores_used"] == 1.5


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_growth_is_the_exponent_of_the_time_of_a_call(exponent: float) -> None:
    found = growth("ask", [0.01 * n**exponent for n in range(1, 1001)])
    assert found["ask_growth"] == pytest.approx(exponent, abs=0.06)
    assert found["ask_last_ms"] == pytest.approx(10 * 950**exponent, rel=0.01)


def test_a_simulated_trial_learns_and_a_poor_rate_learns_less() -> None:
    def loss(rate: float, tokens: int) -> float:
        return measured(spec_of(Proposal("full", rate, 0.5), 0), tokens, 3).loss("code")

    assert loss(3e-4, 100_000) < loss(3e-4, 25_000) < loss(1e-2, 25_000)


@pytest.mark.ray
def test_every_trial_of_a_tiny_run_ends_on_a_few_lanes(local_ray: None, tmp_path: Path) -> None:
    found = measure(12, 4, 1.0, tmp_path)
    assert (found["trials"], found["lanes"], found["completed"] + found["pruned"]) == (12, 4, 12)
    assert found["idle_to_start_n"] == 12 - 4
    assert found["driver_cores"] > 0
    assert len(list((tmp_path / "trials").glob("*.json"))) == 12
