from pathlib import Path
from typing import Any

import pytest

from sweeper.pipeline.active_law import ActiveLaw
from sweeper.pipeline.bases import BaseLosses
from sweeper.pipeline.compare import Comparison, compare
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.search import Found, search
from sweeper.pipeline.session import Session
from sweeper.pipeline.workspace import Workspace
from sweeper.trials.record import TrialRecord
from sweeper.trials.store import TrialStore
from tests.pipeline.made_up import experiment, factory
from tests.pipeline.stepped_lanes import BEST_RATE, SteppedLanes, StepsTaken
from tests.trial_records import base_record
from trainers.spec import Method

SMALL: dict[str, Any] = {"design": "active", "search__rungs": [0.125, 0.25, 0.5], "search__trials": 24}


def session(folder: Path, steps: float = float("inf"), said: list[str] | None = None, **changes: Any) -> Session:
    store = TrialStore(folder / "trials")
    say = [].append if said is None else said.append
    asked = experiment(**{**SMALL, **changes})
    return Session(asked, Workspace(folder), store, SteppedLanes(store, steps=steps), Counts(), say)  # type: ignore[arg-type]


def trained(asked: Session) -> list[tuple[str, int]]:
    return asked.executor.measured  # type: ignore[attr-defined, no-any-return]


def losses(asked: Session) -> BaseLosses:
    records: dict[tuple[str, Method], TrialRecord] = {}
    for base, params in zip(asked.experiment.base_models, (500, 1000), strict=True):
        for method in ("full", "qlora"):
            records[base, method] = base_record(method)  # type: ignore[index, arg-type]
            records[base, method].finished = finished_of(params)  # type: ignore[index]
    return BaseLosses(records)


def finished_of(params: int) -> Any:
    from tests.trial_records import finished

    return finished(params=params)


def searched(asked: Session) -> Found:
    return search(asked, factory(asked.experiment), losses(asked))


def law_of(asked: Session) -> tuple[Comparison, list[TrialRecord]]:
    found, made = searched(asked), factory(asked.experiment)
    comparison = compare(asked, made, losses(asked), found)
    return ActiveLaw(asked, made, losses(asked), found, comparison).run()


def test_the_search_finds_method_and_rate_with_a_part_of_the_tokens(tmp_path: Path) -> None:
    said: list[str] = []
    asked = session(tmp_path, said=said)
    found = searched(asked)
    assert found.best.method == "full"
    assert found.best.learning_rate == pytest.approx(BEST_RATE["full"], rel=0.8)
    spent = sum(record.last.tokens for record in found.records if record.last)
    assert spent < 0.6 * asked.experiment.search.trials * asked.experiment.search.max_tokens
    assert any(line.startswith("search:") and "saved" in line for line in said)


def test_no_trial_of_the_search_is_left_paused(tmp_path: Path) -> None:
    found = searched(session(tmp_path))
    assert {record.state for record in found.records} <= {"completed", "pruned"}
    assert {trial.state.name for trial in found.study.trials()} <= {"COMPLETE", "PRUNED"}


def test_a_second_call_computes_nothing_and_finds_the_same(tmp_path: Path) -> None:
    first = law_of(session(tmp_path))
    again = session(tmp_path)
    second = law_of(again)
    assert trained(again) == []
    assert second[0].setting == first[0].setting
    assert [record.id for record in second[1]] == [record.id for record in first[1]]


@pytest.mark.parametrize("steps", [1, 15])
def test_after_a_crash_the_search_goes_on_and_trains_nothing_twice(steps: int, tmp_path: Path) -> None:
    died = session(tmp_path, steps=steps)
    with pytest.raises(StepsTaken):
        searched(died)
    again = session(tmp_path)
    found = searched(again)
    assert not set(trained(died)) & set(trained(again))
    assert found.best.method == "full"


def test_after_a_crash_the_law_goes_on_and_trains_nothing_twice(tmp_path: Path) -> None:
    searched(session(tmp_path))
    died = session(tmp_path, steps=11)
    with pytest.raises(StepsTaken):
        law_of(died)
    again = session(tmp_path)
    law_of(again)
    assert not set(trained(died)) & set(trained(again))


def test_the_law_has_both_ends_of_the_ratio_and_one_rate_a_size_and_costs_less_than_a_grid(tmp_path: Path) -> None:
    said: list[str] = []
    asked = session(tmp_path, said=said)
    comparison, trials = law_of(asked)
    target = [record for record in trials if record.spec.model.name == asked.experiment.base_models[-1]]
    ratios = {record.spec.mixture.get("code", 0.0) for record in target}
    assert {0.0, 1.0, comparison.ratio} <= ratios
    assert {record.spec.learning_rate for record in target} == {comparison.setting.learning_rate}
    assert all(record.last is not None for record in trials)
    line = next(line for line in said if line.startswith("law:"))
    assert "saved" in line and "(-" not in line
