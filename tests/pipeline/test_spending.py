"""A run within its budget: the phases on made-up lanes."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeper.errors import SweeperError
from sweeper.experiment import Experiment
from sweeper.lanes.source import TrialObserver, TrialSource
from sweeper.pipeline.budget_text import budget_lines
from sweeper.pipeline.compare import Comparison, compare
from sweeper.pipeline.confirm import confirm
from sweeper.pipeline.counts import Counts
from sweeper.pipeline.law import check_rates, measure_law, require_ratios, usable_first
from sweeper.pipeline.least_budget import least_budget, refuse_too_little
from sweeper.pipeline.search import Found, search
from sweeper.pipeline.session import PhaseError, Session
from sweeper.pipeline.settings import Setting
from sweeper.pipeline.spending import Spending, open_spending
from sweeper.pipeline.workspace import Workspace
from sweeper.search.study import Study
from sweeper.trials.store import TrialStore
from tests.pipeline.made_up import experiment, inputs
from tests.pipeline.test_session import found, losses
from tests.spending.made_up import Clock, Lanes

SMALL, TARGET = "builtin:tiny-s", "builtin:tiny-m"
FULL = {
    "method": {"choices": ["full"]},
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "domain_ratio": {"low": 0.1, "high": 0.9},
}


def asked(tokens: float, **changes: Any) -> Experiment:
    """12 search trials of 80k; 2 runs to compare, 3 checks of 40k, 9 law runs of 160k; 240k to confirm: 3.08M."""
    return experiment(budget={"tokens": round(tokens)}, search__space=FULL, search__pruner="none", **changes)


class OnLanes:
    """Stands for the executor."""

    def __init__(self, store: TrialStore) -> None:
        self.lanes = Lanes(2, Clock(), lambda spec: 1.0, random.Random(0))
        self._observers: list[TrialObserver] = [store]

    def observe(self, observer: TrialObserver) -> None:
        self._observers.append(observer)

    def run(self, source: TrialSource, check: Callable[[], None]) -> None:
        if not source.exhausted():
            self.lanes.drive(source, self._observers)
        check()


def spending(folder: Path, experiment: Experiment) -> Spending:
    store = TrialStore(folder / "trials")
    opened = open_spending(experiment, inputs(experiment, folder), store, folder / "spent.json")
    assert opened is not None
    return opened


def session(folder: Path, experiment: Experiment, said: list[str]) -> Session:
    store = TrialStore(folder / "trials")
    lanes = OnLanes(store)
    made = Session(experiment, Workspace(folder), store, lanes, Counts(), said.append)  # type: ignore[arg-type]
    where, clock = folder / "spent.json", lanes.lanes.clock
    made.spending = open_spending(experiment, inputs(experiment, folder), store, where, clock)
    if made.spending:
        lanes.observe(made.spending.ledger)
    return made


def trained(run: Session) -> dict[str, int]:
    return run.executor.lanes.trained  # type: ignore[attr-defined, no-any-return]


def of_law(run: Session, folder: Path) -> tuple[Found, Comparison, dict[tuple[str, float], int]]:
    """Comparison, rates and law; how far the law's runs came, by base model and ratio."""
    made = inputs(run.experiment, folder).factory()
    at = found(folder)
    at = replace(at, settings={"full": at.settings["full"]})
    comparison = compare(run, made, losses(), at)
    records = measure_law(run, made, comparison, check_rates(run, made, losses(), at, comparison))
    require_ratios(run, TARGET, records)
    reached = {
        (r.spec.model.name, r.spec.mixture.get("code", 0.0)): r.last.tokens if r.last else 0
        for r in records
        if r.spec.seed == 0
    }
    return at, comparison, reached


def test_no_budget_bounds_nothing(tmp_path: Path) -> None:
    plain = experiment()
    assert open_spending(plain, inputs(plain, tmp_path), TrialStore(tmp_path), tmp_path / "spent.json") is None
    made = inputs(plain, tmp_path).factory()
    assert made.law(TARGET, "full", 1e-3, None, 0.5).rungs == ()


def test_a_budget_changes_no_trials_identity_and_lets_each_be_stopped_at_its_measurements(tmp_path: Path) -> None:
    plain, bounded = experiment(), experiment(budget={"tokens": "9M"})
    for build in (
        lambda made: made.law(TARGET, "full", 1e-3, None, 0.5),
        lambda made: made.confirm("full", 1e-3, None, 0.5),
        lambda made: made.search("full", 1e-3, None, 0.5),
    ):
        before, after = (build(inputs(each, tmp_path).factory()) for each in (plain, bounded))
        assert before.id == after.id
        assert after.rungs == after.evaluate_at[:-1]


def test_ratios_come_in_the_order_of_their_worth() -> None:
    assert usable_first([0.0, 0.1, 0.33, 0.67, 1.0], 0.33) == [0.0, 1.0, 0.33, 0.67, 0.1]
    assert usable_first([0.2, 0.5], 0.2) == [0.2, 0.5]


def test_the_plan_says_what_each_part_may_use_and_what_it_does_not_hold(tmp_path: Path) -> None:
    said = "\n".join(budget_lines(spending(tmp_path, asked(2e6))))
    rows = {line.split()[0]: line.split()[1::2] for line in said.splitlines()}
    assert rows["search"] == ["616k", "971k", "0"]  # 35 % of what the confirming run leaves
    assert rows["law"] == ["1.14M", "1.89M", "0"]
    assert rows["confirm"] == ["241k", "241k", "0"]
    assert "search: 7 of 12 trials fit if none is pruned" in said
    assert "law: 9 of 14 trials fit" in said
    assert f"{SMALL} at ratio 0.33 (160k)" in said
    assert f"{TARGET} at ratio" not in said


def test_a_budget_that_holds_all_says_what_is_left(tmp_path: Path) -> None:
    said = budget_lines(spending(tmp_path, asked(10e6)))
    assert said[-1] == "of 10M tokens: 6.9M tokens more than the file asks for"


def test_what_cannot_end_in_an_answer_is_refused_with_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(SweeperError, match=r"tokens: 200k tokens do not hold the confirming run, which takes 24"):
        refuse_too_little(spending(tmp_path, asked(2e5)))
    with pytest.raises(SweeperError, match=r"budget.tokens: 800k tokens do not hold a search trial, .* write 1.2"):
        refuse_too_little(spending(tmp_path, asked(8e5)))
    least = least_budget(spending(tmp_path, asked(8e5)))
    refuse_too_little(spending(tmp_path, asked(least)))


def test_what_is_only_guessed_is_not_refused(tmp_path: Path) -> None:
    hours = spending(tmp_path, experiment(budget={"hours": 1e-4}))
    refuse_too_little(hours)
    assert hours.forecast().confirm <= 0.5e-4  # a guess may not set everything aside
    assert "hours are guessed: nothing was trained here yet" in budget_lines(hours)


def test_a_law_that_is_cut_short_has_the_ends_and_the_pivot_of_the_last_model(tmp_path: Path) -> None:
    said: list[str] = []
    run = session(tmp_path, asked(1.2e6), said)
    _, comparison, reached = of_law(run, tmp_path)
    whole = {point for point, tokens in reached.items() if tokens >= 160_000}
    assert {(TARGET, 0.0), (TARGET, 1.0), (TARGET, comparison.ratio)} <= whole
    assert (SMALL, 0.1) not in whole
    assert run.spending is not None
    assert sum(trained(run).values()) <= 1.2e6 - run.spending.forecast().confirm
    assert said[-1].startswith("budget: ")
    assert run.spending.as_dict()["trials_left_out"] > 0


def test_learning_rates_of_smaller_models_come_after_the_last_models_runs(tmp_path: Path) -> None:
    run = session(tmp_path, asked(1.2e6), [])
    at, _, _ = of_law(run, tmp_path)
    checks = [r for r in run.store if r.labels.get("purpose") == "learning rate"]
    assert [r.last for r in checks] == [None] * 3
    frozen = at.study.frozen(f"learning rate of {SMALL}", lambda: 7.0)
    assert frozen == 7.0  # nothing was decided without a measurement


def test_a_larger_budget_goes_on_where_the_smaller_ended(tmp_path: Path) -> None:
    first = session(tmp_path, asked(1.2e6), [])
    _, _, before = of_law(first, tmp_path)
    second = session(tmp_path, asked(10e6), [])
    second.executor.lanes.checkpoints = first.executor.lanes.checkpoints  # type: ignore[attr-defined]
    _, _, after = of_law(second, tmp_path)
    assert min(after.values()) >= 160_000
    assert {point for point, tokens in before.items() if 0 < tokens < 160_000}  # one was left half way
    assert not set(trained(second)) & {r for r, tokens in trained(first).items() if tokens >= 160_000}
    spent = {**trained(first), **trained(second)}
    assert second.spending is not None
    assert second.spending.ledger.spent()["law"] == sum(spent.values())


def test_the_same_call_again_trains_nothing(tmp_path: Path) -> None:
    first = session(tmp_path, asked(1.2e6), [])
    of_law(first, tmp_path)
    assert first.spending is not None
    again = session(tmp_path, asked(1.2e6), [])
    of_law(again, tmp_path)
    assert trained(again) == {}
    assert again.spending is not None
    assert again.spending.as_dict() == first.spending.as_dict()


def test_too_few_ratios_are_said_with_the_budget_that_would_do(tmp_path: Path) -> None:
    run = session(tmp_path, asked(6e5), [])
    with pytest.raises(PhaseError, match=r"law: 1 ratios of builtin:tiny-m .*, a law needs 3; budget.tokens"):
        of_law(run, tmp_path)


def test_a_search_ends_with_its_part_and_the_law_has_what_it_left(tmp_path: Path) -> None:
    run = session(tmp_path, asked(1.6e6), [])
    made = inputs(run.experiment, tmp_path).factory()
    result = search(run, made, losses())
    assert isinstance(result.best, Setting)
    assert run.spending is not None
    spent, parts = run.spending.ledger.spent(), run.spending.parts()
    assert 0 < spent["search"] <= 0.35 * (1.6e6 - run.spending.forecast().confirm)
    assert parts.law == 1.6e6 - run.spending.forecast().confirm - spent["search"]
    assert isinstance(result.study, Study)
    assert len(result.study.finished()) < 12


def test_a_search_without_a_measurement_says_what_would_do(tmp_path: Path) -> None:
    run = session(tmp_path, asked(2.5e5), [])
    with pytest.raises(PhaseError, match=r"search: no trial came to its first measurement; budget.tokens"):
        search(run, inputs(run.experiment, tmp_path).factory(), losses())


def test_a_confirming_run_that_hours_do_not_hold_is_left_without_a_verdict_on_the_prediction(tmp_path: Path) -> None:
    run = session(tmp_path, experiment(budget={"hours": 1.0}), [])
    made = inputs(run.experiment, tmp_path).factory()
    run.executor.lanes.seconds = lambda spec: 60.0  # type: ignore[attr-defined]  # a step, where seconds were expected
    setting = Setting("full", 1e-3, None, 0.4, 3.5)
    comparison = Comparison(0.33, {"full": setting}, {}, "full", {})
    fitted: Any = SimpleNamespace(recommendation=SimpleNamespace(domain_ratio=0.4))
    assert confirm(run, made, losses(), comparison, fitted) is None
    (record,) = run.store
    assert record.state == "paused"
    assert record.last is not None
    assert record.last.tokens < 240_000
    assert run.spending is not None
    assert run.spending.ledger.spent()["confirm"] >= 1.0  # it went on as long as anything was left
    assert len(run.spending.cut) == 1
