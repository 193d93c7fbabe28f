import pytest

from sweeper.design.chooser import Chooser
from tests.design.bowl import AXES, CHECKPOINTS, GOAL, SETTINGS, carry_out, chooser, losses, objective


def spent(by: Chooser) -> int:
    return sum(run.tokens for run in by.runs)


@pytest.mark.parametrize("seed", [0, 1])
def test_ends_by_itself_with_the_best_setting_trained_to_its_end(seed: int) -> None:
    by = chooser(seed)
    while (step := by.next()) is not None:
        carry_out(step, by)
    assert by.satisfied
    assert spent(by) < 0.2 * len(SETTINGS) * CHECKPOINTS[-1]
    best = by.recommend().setting
    assert objective(SETTINGS[best]) <= 1.01 * min(map(objective, SETTINGS))
    assert max(run.tokens for run in by.runs if run.setting == best) == CHECKPOINTS[-1]


def test_begins_with_short_runs_of_settings_that_differ() -> None:
    by = chooser()
    for _ in range(4):
        step = by.next()
        assert step is not None and step.run is None and step.tokens == CHECKPOINTS[0]
        carry_out(step, by)
    assert len({run.setting for run in by.runs}) == 4


def test_recommends_before_anything_is_known() -> None:
    assert chooser().recommend().setting == chooser().next().setting  # type: ignore[union-attr]


def test_the_same_measurements_lead_to_the_same_choice() -> None:
    first, second = chooser(3), chooser(3)
    for _ in range(7):
        a, b = first.next(), second.next()
        assert a == b and a is not None
        carry_out(a, first)
        carry_out(a, second)


def test_chooses_nothing_that_costs_more_than_is_left() -> None:
    by = chooser()
    assert by.next(affordable=CHECKPOINTS[0] - 1) is None
    for _ in range(6):
        step = by.next()
        assert step is not None
        carry_out(step, by)
    assert by.next(affordable=100) is None


def test_a_pending_choice_is_not_made_again() -> None:
    by = chooser()
    for _ in range(5):
        step = by.next()
        assert step is not None
        carry_out(step, by)
    first = by.next()
    assert first is not None
    if first.run is None:
        run = by.start(first.setting)
        first = type(first)(first.setting, run, first.tokens, first.cost, first.saving)
    second = by.next(pending=[first])
    assert second is not None and (second.setting, second.run) != (first.setting, first.run)


def test_a_run_that_is_over_is_not_continued() -> None:
    by = chooser()
    for number, setting in enumerate((0, 17, 34, 2)):
        by.start(setting)
        by.observe(number, CHECKPOINTS[0], losses(SETTINGS[setting], CHECKPOINTS[0]))
        by.runs[number].over = True
    for _ in range(6):
        step = by.next()
        assert step is not None and (step.run is None or step.run > 3)
        carry_out(step, by)


def test_recommends_only_what_is_eligible() -> None:
    by = Chooser(AXES, SETTINGS, CHECKPOINTS, GOAL, eligible=[0, 1, 2])
    for _ in range(6):
        step = by.next()
        assert step is not None
        carry_out(step, by)
    assert by.recommend().setting in (0, 1, 2)


def test_a_dear_setting_is_run_less_than_a_cheap_one() -> None:
    by = Chooser(AXES, SETTINGS, CHECKPOINTS, GOAL, cost=lambda setting: 50.0 if setting["share"] == 0.5 else 1.0)
    for _ in range(20):
        step = by.next()
        assert step is not None
        carry_out(step, by)
    dear = [run for run in by.runs[5:] if SETTINGS[run.setting]["share"] == 0.5]
    assert len(dear) < len(by.runs[5:]) / 5


def test_the_regret_shrinks_as_more_is_known() -> None:
    by = chooser()
    for _ in range(5):
        carry_out(by.next(), by)  # type: ignore[arg-type]
    early = by.regret()
    while (step := by.next()) is not None:
        carry_out(step, by)
    assert 0 <= by.regret() < early / 3
