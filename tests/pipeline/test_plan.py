from pathlib import Path

import pytest

from sweeper.bases.pretraining import base_ready
from sweeper.experiment import Experiment
from sweeper.pipeline.plan import START_SECONDS, Plan, format_seconds, make_plan
from sweeper.trials.record import TrialRecord
from tests.pipeline.made_up import experiment, inputs
from tests.trial_records import measurement, record
from trainers.spec import TrialSpec


def numbers(plan: Plan) -> dict[str, tuple[int, int]]:
    return {phase.name: (phase.trials, phase.done) for phase in plan.phases}


def every_trial(asked: Experiment, folder: Path) -> list[tuple[str, TrialSpec]]:
    """What a run of an experiment with `full` alone trains, with the purpose that it gives each trial."""
    made = inputs(asked, folder).factory()
    small, target = asked.base_models
    trials = [("base loss", made.base(base, "full")) for base in asked.base_models]
    trials += [("search", made.search("full", 1e-3 + i / 1e6, None, 0.5)) for i in range(asked.search.trials)]
    trials += [("compare", made.law(target, "full", 1e-3, None, 0.33, seed)) for seed in (0, 1)]
    trials += [("learning rate", made.rate_check(small, "full", rate, None, 0.33)) for rate in (5e-4, 1e-3, 2e-3)]
    trials += [
        ("law", made.law(base, "full", 1e-3, None, ratio))
        for base in asked.base_models
        for ratio in asked.law.domain_ratio
        if (base, ratio) != (target, 0.33)
    ]
    return [*trials, ("confirm", made.confirm("full", 1e-3, None, 0.4))]


def completed(trials: list[tuple[str, TrialSpec]]) -> list[TrialRecord]:
    return [record(spec, [measurement(1, 3.0, 4.0)], purpose=purpose) for purpose, spec in trials]


def full_only(**changes: object) -> Experiment:
    space = {
        "method": {"choices": ["full"]},
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "domain_ratio": {"low": 0.1, "high": 0.9},
    }
    return experiment(search__space=space, **changes)


@pytest.fixture
def with_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Built-in base models stand in the cache."""
    monkeypatch.setattr(f"sweeper.pipeline.prepare.{base_ready.__name__}", lambda spec: True)


def test_the_quickstarts_trials(tmp_path: Path) -> None:
    asked = experiment()
    plan = make_plan(asked, inputs(asked, tmp_path), [], lanes=2, gpu=False)
    assert numbers(plan) == {
        "pre-training": (2, 0),
        "base loss": (4, 0),  # two models, as they are and through NF4
        "search": (12, 0),
        "compare": (4, 0),  # two methods, two seeds
        "learning rate": (3, 0),
        "law": (9, 0),  # 5 ratios on 2 models, but for the point that the comparison measures
        "confirm": (1, 0),
    }
    assert plan.tokens == 2 * 1_000_000 + 12 * 80_000 + 4 * 160_000 + 3 * 40_000 + 9 * 160_000 + 240_000
    assert not plan.speed_measured
    assert START_SECONDS < plan.seconds < 15 * 60


def test_epochs_are_of_the_trial_that_uses_a_corpus_most(tmp_path: Path) -> None:
    asked = experiment(law__domain_ratio=[0.1, 0.5])
    plan = make_plan(asked, inputs(asked, tmp_path, train_tokens=60_000), [], lanes=2, gpu=False)
    assert plan.epochs == pytest.approx({"general": 0.9 * 240_000 / 60_000, "code": 0.5 * 240_000 / 60_000})


def test_more_lanes_take_less_time(tmp_path: Path) -> None:
    asked = experiment()
    one, two = (make_plan(asked, inputs(asked, tmp_path), [], lanes, gpu=False).seconds for lanes in (1, 2))
    assert one - START_SECONDS == pytest.approx(2 * (two - START_SECONDS))


def test_nothing_is_left_where_everything_is_there(tmp_path: Path, with_bases: None) -> None:
    asked = full_only()
    records = completed(every_trial(asked, tmp_path))
    plan = make_plan(asked, inputs(asked, tmp_path), records, lanes=2, gpu=False)
    assert numbers(plan) == {
        "pre-training": (0, 0), "base loss": (2, 2), "search": (12, 12), "compare": (2, 2), "learning rate": (3, 3),
        "law": (9, 9), "confirm": (1, 1),
    }  # fmt: skip
    assert plan.seconds == 0
    assert plan.speed_measured


def test_trials_of_another_budget_are_not_there(tmp_path: Path, with_bases: None) -> None:
    records = completed(every_trial(full_only(), tmp_path))
    asked = full_only(law__max_tokens="200k")
    plan = make_plan(asked, inputs(asked, tmp_path), records, lanes=2, gpu=False)
    assert numbers(plan)["law"] == (9, 0)
    assert numbers(plan)["search"] == (12, 12)
    assert plan.seconds > START_SECONDS


def test_one_more_ratio_leaves_only_its_trials(tmp_path: Path, with_bases: None) -> None:
    records = completed(every_trial(full_only(), tmp_path))
    asked = full_only(law__domain_ratio=[0.0, 0.1, 0.33, 0.5, 0.67, 1.0])
    plan = make_plan(asked, inputs(asked, tmp_path), records, lanes=2, gpu=False)
    assert numbers(plan)["law"] == (11, 9)


def test_an_unfinished_trial_is_still_to_do(tmp_path: Path, with_bases: None) -> None:
    asked = full_only()
    records = completed(every_trial(asked, tmp_path))
    records[-1].state = "paused"
    plan = make_plan(asked, inputs(asked, tmp_path), records, lanes=2, gpu=False)
    assert numbers(plan)["confirm"] == (1, 0)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0 s"), (89.6, "90 s"), (91.0, "2 min"), (5399.0, "90 min"), (5400.0, "1.5 h")]
)
def test_times_for_people(seconds: float, words: str) -> None:
    assert format_seconds(seconds) == words
