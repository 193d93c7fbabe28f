from sweeper.design.runs import Run, rows_kept
from sweeper.design.saving import Goal

GOAL = Goal("domain")


def run(*losses: float) -> Run:
    return Run(0, {1000 * (k + 1): {"domain": loss} for k, loss in enumerate(losses)})


def test_few_measurements_are_all_kept() -> None:
    assert rows_kept([run(4.0, 3.0), run(5.0)], GOAL) == [(0, 1000), (0, 2000), (1, 1000)]


def test_of_many_the_last_of_each_run_stay_first_and_those_of_the_best_runs() -> None:
    runs = [run(5.0, 4.5, 4.0), run(5.0, 4.0, 3.0), run(5.0, 4.9)]
    assert rows_kept(runs, GOAL, most=3) == [(0, 3000), (1, 3000), (2, 2000)]
    assert rows_kept(runs, GOAL, most=4) == [(0, 3000), (1, 2000), (1, 3000), (2, 2000)]
    assert rows_kept(runs, GOAL, most=2) == [(0, 3000), (1, 3000)]


def test_a_run_without_measurements_has_no_rows() -> None:
    assert rows_kept([run(), run(3.0)], GOAL) == [(1, 1000)]
